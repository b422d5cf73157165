/** Made by `npm run build:api` from docs/api/openapi.json. */
export interface paths {
    "/v1/ders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The registry
         * @description For dera, dso, iso, operator, with the scope read.
         */
        get: operations["listDers"];
        put?: never;
        /**
         * Register a DER (M9)
         * @description For dera, with the scope register.
         */
        post: operations["registerDer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/ders/{derId}/qualification": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Qualify or suspend a DER (M9)
         * @description For dso, with the scope qualify.
         */
        put: operations["qualifyDer"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/ders/{derId}/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Pass a DER on to its next device key, signed by both (M9)
         * @description For dera, with the scope register.
         */
        put: operations["rotateKey"];
        /**
         * Make a DER’s device key known, signed by it (M9)
         * @description For dera, with the scope register.
         */
        post: operations["enrolKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/ders/{derId}/key/revocation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End a DER’s device key: it cannot bid until another is enrolled (M9)
         * @description For dera, dso, with the scope register or qualify.
         */
        post: operations["revokeKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/ders/{derId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A DER’s entry in the registry
         * @description For dera, dso, iso, operator, with the scope read.
         */
        get: operations["readDer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/bids": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Step 5: all bids of one aggregator for an interval, once
         * @description For dera, with the scope submit.
         */
        post: operations["submitBids"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/decision": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Step 7: every bid of the interval approved or curtailed
         * @description For dso, with the scope decide.
         */
        post: operations["decide"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/awards": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Step 10: what the market cleared of one aggregator’s bids
         * @description For dera, with the scope award.
         */
        post: operations["recordAwards"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/dispatch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Step 10: the actual allocation confirmed or reduced
         * @description For dso, with the scope decide.
         */
        post: operations["confirmDispatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/settlement": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Step 13: what each dispatched bid of one aggregator delivered, and what it is paid
         * @description For dera, with the scope award.
         */
        post: operations["recordSettlement"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/bids/{uid}/quantity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Reduce one bid after the decision on its interval
         * @description For dso, with the scope decide.
         */
        put: operations["modifyBid"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the ledger holds of an interval; no prices
         * @description For dera, dso, iso, operator, with the scope read.
         */
        get: operations["readInterval"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every revision of every bid of an interval; no prices
         * @description For dera, dso, iso, operator, with the scope read.
         */
        get: operations["readIntervalHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/merit-order": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The bids of an interval in merit order over all aggregators: ranks, no prices
         * @description For dso, with the scope decide.
         */
        get: operations["readMeritOrder"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/intervals/{id}/records": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Raw records of an interval, verified; an aggregator sees its own
         * @description For dera, operator, with the scope records.
         */
        get: operations["readRecords"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/bids/{uid}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A bid with its raw record, verified; an aggregator sees its own
         * @description For dera, operator, with the scope records.
         */
        get: operations["readBid"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/bids/{uid}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every revision of a bid; no prices
         * @description For dera, dso, iso, operator, with the scope read.
         */
        get: operations["readBidHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/readings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A DER’s readings, by time; an aggregator sees its own
         * @description For dera, dso, iso, operator, with the scope read.
         */
        get: operations["readings"];
        put?: never;
        /**
         * Keep readings of an aggregator’s devices, each as its device signed it (M25)
         * @description For dera, dso, with the scope measure.
         */
        post: operations["addReadings"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/grid-measurements": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Voltages of a feeder, by time and node
         * @description For dera, dso, iso, operator, with the scope read.
         */
        get: operations["gridMeasurements"];
        put?: never;
        /**
         * Keep voltages of a feeder, measured or by power flow (M25)
         * @description For dera, dso, with the scope measure.
         */
        post: operations["addGridMeasurements"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Walk every block, order and record
         * @description For operator, with the scope verify.
         */
        get: operations["verify"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Step 6: contract events as they are committed; ids only, resumes after a checkpoint
         * @description For dera, dso, iso, operator, with the scope events. The stream does not end by itself.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Liveness
         * @description Needs no key.
         */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Awards: {
            deraId: string;
            price_uUSD_per_MWh: number | null;
            quantities: {
                uid: string;
                expectedRevision: number;
                quantity_W: number;
            }[];
        };
        Bid: {
            uid: string;
            derId: string;
            deraId: string;
            deviceIds: string[];
            intervalId: string;
            product: components["schemas"]["Product"];
            sequence: number;
            quantity_W: number;
            price_uUSD_per_MWh: number;
            cap_uUSD_per_MWh: number;
            forecast_uUSD_per_MWh: number;
            riskFactor_pct: number;
            /** @enum {string} */
            clampedTo: "none" | "floor" | "cap";
            state: components["schemas"]["MeasuredState"];
            submittedAt_ms: number;
            expiresAt_ms: number;
            blind?: string;
            signature?: {
                keyId: string;
                value: string;
            };
        };
        BidBatch: {
            deraId: string;
            bids: components["schemas"]["Bid"][];
            silentDerIds: string[];
            baselineCommitment?: string;
        };
        BidState: {
            uid: string;
            revision: number;
            derId: string;
            deraId: string;
            intervalId: string;
            product: components["schemas"]["Product"];
            status: components["schemas"]["BidStatus"];
            quantity_W: number;
            checksum: string;
            keyId: string | null;
            commitment: string | null;
            metered_Wh: number | null;
            by: string;
            reason: string;
        };
        /** @enum {string} */
        BidStatus: "submitted" | "approved" | "curtailed" | "awarded" | "not-awarded" | "dispatched" | "settled";
        Certificate: {
            outcome: components["schemas"]["DecisionOutcome"];
            policy: string;
            alpha_ppm: number;
            originalMax_upu: number | null;
            originalMin_upu: number | null;
            approvedMax_upu: number | null;
            approvedMin_upu: number | null;
            margin_upu: number;
            bindingNode: string | null;
            bindingMinute: number | null;
            envelope: components["schemas"]["EnvelopeCertificate"];
            solves: number;
            searchSolves: number;
            engineGap_upu: number | null;
            engine: string;
            feederSha256: string;
            note: string;
        };
        /** @enum {string} */
        ClearingSafety: "merit-order" | "any-subset" | "none";
        Decision: {
            certificate: components["schemas"]["Certificate"];
            quantities: {
                uid: string;
                expectedRevision: number;
                quantity_W: number;
            }[];
        };
        /** @enum {string} */
        DecisionOutcome: "ACCEPTED" | "CURTAILED" | "INFEASIBLE_AT_ZERO" | "INFEASIBLE_UNDERVOLTAGE" | "ENGINE_UNAVAILABLE";
        DerKeys: {
            current: components["schemas"]["PublicKey"] | null;
            previous: {
                publicKey: components["schemas"]["PublicKey"];
                intervalId: string;
            } | null;
            revoked: string[];
        };
        DerRegistration: {
            derId: string;
            deraId: string;
            feederId: string;
            bus: string;
            phases: string;
            nameplate_W: number;
            deviceIds: string[];
            retailProgramme?: string;
        };
        EnrolmentRequest: {
            deraId: string;
            derId: string;
            deviceIds: string[];
            publicKey: components["schemas"]["PublicKey"];
            proof: string;
            signature: {
                keyId: string;
                value: string;
            };
        };
        EnvelopeCertificate: {
            safety: components["schemas"]["ClearingSafety"];
            factor_ppm: number;
            outcomes: number;
            worstOutcome: string | null;
            distance_upu: number | null;
        };
        GridMeasurement: {
            feederId: string;
            at_ms: number;
            source: components["schemas"]["VoltageSource"];
            voltages: {
                node: string;
                voltage_upu: number;
            }[];
        };
        GridMeasurements: {
            measurements: components["schemas"]["GridMeasurement"][];
        };
        Health: {
            /** @enum {string} */
            ledger: "up" | "down";
            /** @enum {string} */
            store: "up" | "down";
        };
        IntervalState: {
            intervalId: string;
            submissions: components["schemas"]["Submission"][];
            decision: components["schemas"]["Certificate"] | null;
            dispatch: components["schemas"]["Certificate"] | null;
        };
        KeyRevocation: {
            reason: string;
        };
        KeyRotation: {
            request: components["schemas"]["RotationRequest"];
            graceInterval: string | null;
        };
        LedgerEvent: {
            checkpoint: string;
            /** @enum {string} */
            name: "DerRegistered" | "DerQualified" | "DerKeyEnrolled" | "DerKeyRotated" | "DerKeyRevoked" | "BidsSubmitted" | "IntervalDecided" | "AwardsRecorded" | "DispatchConfirmed" | "BidModified" | "SettlementRecorded";
            txId: string;
            at_ms: number;
            payload: {
                [key: string]: unknown;
            };
        };
        MeasuredState: {
            readAt_ms: number;
            measured_W: number;
            available_W: number | null;
            /** @enum {string} */
            source: "measured" | "WAval" | "persistence" | "storage" | "forecast" | "unknown";
            rating_W: number;
            limit_pct: number | null;
        };
        Measurement: {
            derId: string;
            readAt_ms: number;
            power_W: number;
            available_W: number | null;
            limit_pct: number | null;
            voltages_V: (number | null)[];
            energy_Wh: number | null;
            sequence?: number;
            /** @constant */
            historical?: true;
            raw?: {
                address: number;
                words: number[];
                readAt_ms: number;
            }[];
            previousHash?: string | null;
            signature?: {
                keyId: string;
                value: string;
            };
        };
        MeasurementsStored: {
            stored: number;
            known: number;
            refused: {
                index: number;
                code: string;
                reason: string;
            }[];
        };
        MeritOrder: {
            intervalId: string;
            groups: string[][];
        };
        Modification: {
            expectedRevision: number;
            quantity_W: number;
            reason: string;
            bindingNode: string | null;
        };
        Problem: {
            code: string;
            message: string;
            details?: {
                [key: string]: unknown;
            };
        };
        /** @enum {string} */
        Product: "energy" | "day-ahead-energy";
        PublicKey: {
            /** @constant */
            kty: "EC";
            /** @constant */
            crv: "P-256";
            x: string;
            y: string;
        };
        Qualification: {
            /** @enum {string} */
            status: "qualified" | "suspended";
            limit_W: number;
            reason: string;
            keyId?: string;
        };
        RawBidRecord: {
            bid: components["schemas"]["Bid"];
            revision: number;
            status: components["schemas"]["BidStatus"];
            quantity_W: number;
            price_uUSD_per_MWh: number | null;
            settlement: {
                metered_Wh: number;
                amount_uUSD: number;
            } | null;
            reason: string;
        };
        ReadingPage: {
            readings: components["schemas"]["Measurement"][];
            next: string | null;
        };
        Readings: {
            readings: components["schemas"]["Measurement"][];
        };
        RegistryEntry: {
            derId: string;
            deraId: string;
            feederId: string;
            bus: string;
            phases: string;
            nameplate_W: number;
            deviceIds: string[];
            retailProgramme?: string;
            /** @enum {string} */
            status: "registered" | "qualified" | "suspended";
            limit_W: number;
            keys: components["schemas"]["DerKeys"] | null;
            revision: number;
        };
        RotationRequest: {
            deraId: string;
            derId: string;
            oldKeyId: string;
            publicKey: components["schemas"]["PublicKey"];
            oldSignature: {
                keyId: string;
                value: string;
            };
            newSignature: {
                keyId: string;
                value: string;
            };
        };
        Settlement: {
            deraId: string;
            settlements: {
                uid: string;
                expectedRevision: number;
                metered_Wh: number;
                amount_uUSD: number;
            }[];
        };
        Submission: {
            deraId: string;
            bids: components["schemas"]["BidState"][];
            silentDerIds: string[];
            baselineCommitment?: string;
            awarded: boolean;
            settled: boolean;
        };
        SubmitResult: {
            txId: string;
            bids: components["schemas"]["BidState"][];
        };
        VerifiedBid: {
            state: components["schemas"]["BidState"];
            raw: components["schemas"]["RawBidRecord"];
            salt: string;
            txId: string;
        };
        VerifyFinding: {
            kind: string;
            where: string;
            found: string;
            expected: string;
        };
        VerifyReport: {
            records: number;
            transactions: number;
            blocks: number;
            findings: components["schemas"]["VerifyFinding"][];
        };
        VoltagePage: {
            voltages: {
                at_ms: number;
                node: string;
                source: components["schemas"]["VoltageSource"];
                voltage_upu: number;
            }[];
            next: string | null;
        };
        /** @enum {string} */
        VoltageSource: "measured" | "power-flow";
    };
    responses: {
        /** @description Anything else that is not 2xx */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description Not as the schema says: where, what was found, what was expected */
        InvalidInput: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description No key, or one that is unknown, expired or revoked */
        Unauthenticated: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description Not for this key: its role, its scopes, its organisation or its aggregator */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description There is no such bid or submission */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description Refused by the contract; `code` says why (`CLAIMED`, `REVISION_CONFLICT`, …) */
        Refused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is too large */
        BodyTooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is not application/json */
        UnsupportedMediaType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description Too many requests of this key, or wrong keys of this address */
        RateLimited: {
            headers: {
                /** @description When to try again, s; not when too many event streams are open */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
        /** @description Try again: ledger or store did not take it */
        Unavailable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listDers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryEntry"][];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    registerDer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DerRegistration"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryEntry"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    qualifyDer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                derId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Qualification"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryEntry"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    rotateKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                derId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyRotation"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryEntry"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    enrolKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                derId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EnrolmentRequest"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryEntry"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                derId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyRevocation"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryEntry"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readDer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                derId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryEntry"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    submitBids: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BidBatch"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmitResult"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    decide: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Decision"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmitResult"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    recordAwards: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Awards"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmitResult"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    confirmDispatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Decision"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmitResult"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    recordSettlement: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Settlement"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmitResult"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    modifyBid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                uid: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Modification"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmitResult"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readInterval: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IntervalState"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readIntervalHistory: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BidState"][];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readMeritOrder: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeritOrder"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readRecords: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerifiedBid"][];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readBid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                uid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerifiedBid"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readBidHistory: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                uid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BidState"][];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    readings: {
        parameters: {
            query: {
                derId: string;
                /** @description Start, epoch ms. */
                from_ms: string;
                /** @description End, epoch ms; not included. */
                to_ms: string;
                /** @description The former page’s `next`. */
                after?: string;
                /** @description Entries per page, at most. */
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadingPage"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    addReadings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Readings"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeasurementsStored"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    gridMeasurements: {
        parameters: {
            query: {
                feederId: string;
                node?: string;
                /** @description Start, epoch ms. */
                from_ms: string;
                /** @description End, epoch ms; not included. */
                to_ms: string;
                /** @description The former page’s `next`. */
                after?: string;
                /** @description Entries per page, at most. */
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VoltagePage"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    addGridMeasurements: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GridMeasurements"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeasurementsStored"];
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Refused"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    verify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerifyReport"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description Checkpoint of the last event handled; from the first event when absent. */
                after?: string;
            };
            header?: {
                /** @description The same as `after`, as clients of server-sent events resume; `after` goes before it. */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events: `id` is the checkpoint, `event` the name, `data` a LedgerEvent (#/components/schemas/LedgerEvent) as JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["InvalidInput"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Problem"];
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Up */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description Ledger or store is down */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
}

/** The operator's page of a run: on this machine only, with a token of its own, which lies beside the results while it is up. */
import { randomBytes } from 'node:crypto';
import { Option } from '@fieldbid/core/cli/command';
import { codeOf, InputError } from '@fieldbid/core/errors';
import { isLoopback } from '@fieldbid/core/loopback';
import type { PageServer } from '@fieldbid/dashboard/http/server';
import { openPage, type PageParts } from '@fieldbid/dashboard/open-page';
import { hostAndPort } from '../devices/options.ts';
import { writeControlFile } from '../faults/fault-api.ts';

export interface PageAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Ports after it that will do where it is taken. */
  readonly tries: number;
}

const DEFAULT_PAGE: PageAddress = { host: '127.0.0.1', port: 8800, tries: 20 };

/** `--page`, as the commands have it that run a bench. */
export function pageOption(): Option {
  return new Option(
    '--page [host:port]',
    `serve the operator's page (default: ${DEFAULT_PAGE.host}:${DEFAULT_PAGE.port}, or the next port that is free)`,
  ).argParser((text): PageAddress => ({ ...hostAndPort(text), tries: 0 }));
}

/** What was asked for by `--page`: an address, or any that is free where it says none. */
export function pageAddress(given: PageAddress | true | undefined): PageAddress | undefined {
  return given === true ? DEFAULT_PAGE : given;
}

/** @throws InputError for an address that others could reach; FieldbidError `PAGE_PORT` where it cannot listen. */
export async function openBenchPage(
  { host, port, tries }: PageAddress,
  folder: string,
  parts: Omit<PageParts, 'access' | 'source'>,
): Promise<PageServer> {
  if (!isLoopback(host)) {
    const expected = 'a loopback address; for others: fieldbid dashboard run, with TLS and a token';
    throw new InputError({ source: '--page', path: '', found: host, expected });
  }
  const token = randomBytes(24).toString('base64url');
  const page = await firstFree(port, tries, (at) =>
    openPage({ ...parts, access: { host, port: at, token }, source: '--page' }),
  );
  // For programs on this machine that inject faults over HTTP.
  const forget = writeControlFile(folder, { url: page.url, token });
  return {
    url: page.url,
    close: async () => {
      forget();
      await page.close();
    },
  };
}

async function firstFree<T>(port: number, tries: number, open: (port: number) => Promise<T>): Promise<T> {
  for (let at = port; ; at++) {
    try {
      return await open(at);
    } catch (error) {
      if (codeOf(error) !== 'PAGE_PORT' || at >= port + tries) throw error;
    }
  }
}

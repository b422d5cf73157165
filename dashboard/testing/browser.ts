/** A headless Chromium for tests and figures, where one is installed, and what it complains of. */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The path of Chromium; CHROMIUM names another. */
export function findChromium(): string | undefined {
  return [process.env.CHROMIUM, ...PROGRAMS].find((path) => path !== undefined && existsSync(path));
}

export const WITHOUT_CHROMIUM = 'the program chromium is not installed';

export interface OpenBrowser {
  readonly browser: Browser;
  /** Errors on the console, exceptions, failed requests and requests to anywhere else, as sentences. */
  readonly complaints: string[];
  open(url: string, options?: { width?: number; height?: number; dark?: boolean }): Promise<Page>;
  close(): Promise<void>;
}

export async function openBrowser(program: string): Promise<OpenBrowser> {
  // Without a sandbox of its own: tests run as root in containers, and load nothing but our own page.
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  const complaints: string[] = [];
  return {
    browser,
    complaints,
    open: async (url, { width = 1440, height = 900, dark = false } = {}) => {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? 'dark' : 'light',
      });
      const page = await context.newPage();
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
      });
      page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
      page.on('request', (request) => {
        if (!request.url().startsWith(url)) complaints.push(`asked elsewhere: ${request.url()}`);
      });
      await page.goto(url);
      return page;
    },
    close: () => browser.close(),
  };
}

/** A folder outside the sources for pictures of a test. */
export function pictureFolder(): string {
  return process.env.FIELDBID_PICTURES ?? mkdtempSync(join(tmpdir(), 'fieldbid-pictures-'));
}

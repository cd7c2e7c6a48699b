import axe from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Holds a page, as it is now, to all rules of axe-core, best practices too. */
export async function expectAccessible(page: Page): Promise<void> {
  // Colours on their way to others have another contrast than where they arrive.
  await page.evaluate(async () => {
    const passing = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.all(passing.map(({ finished }) => finished.catch(() => {})));
  });
  // Not by a script element, which the pages' Content-Security-Policy refuses.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run({ resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary })),
    }));
  });
  expect(violations).toEqual([]);
}

declare global {
  interface Window {
    axe: typeof axe;
  }
}

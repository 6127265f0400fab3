/**
 * Printing. A card stands deep inside Home Assistant's page, which does not print: so for as long as the browser prints,
 * a copy of it is all there is on the page.
 */

const COPY = "care-alerts-print";

/** A4 with room for a hole punch; nothing of the page but the copies. */
const OF_THE_PAGE = `
  ${COPY} { display: none; }
  @media print {
    @page { size: A4; margin: 15mm 15mm 15mm 20mm; }
    html, body { all: revert; margin: 0; background: #fff; }
    body > *:not(${COPY}) { display: none !important; }
    ${COPY} { display: block; }
    ${COPY} + ${COPY} { break-before: page; }
  }
`;

/** What can be printed: the shadow root of a card that is shown. */
export interface Printable {
  readonly renderRoot: HTMLElement | DocumentFragment;
  readonly styleText: string;
}

const shown = new Set<Printable>();
let only: Printable | undefined;
let made: Element[] = [];

function putCopies(): void {
  removeCopies();
  const style = document.createElement("style");
  style.textContent = OF_THE_PAGE;
  document.head.append(style);
  made = [style];
  for (const one of only ? [only] : shown) {
    const copy = document.createElement(COPY);
    const root = copy.attachShadow({ mode: "open" });
    const own = document.createElement("style");
    own.textContent = one.styleText;
    root.append(own, ...[...one.renderRoot.children].map((child) => child.cloneNode(true)));
    document.body.append(copy);
    made.push(copy);
  }
}

function removeCopies(): void {
  for (const one of made) {
    one.remove();
  }
  made = [];
}

/** Print a card whenever the page is printed while it is shown; returns the way to end that. */
export function printWithPage(one: Printable): () => void {
  if (!shown.size) {
    addEventListener("beforeprint", putCopies);
    addEventListener("afterprint", removeCopies);
  }
  shown.add(one);
  return () => {
    shown.delete(one);
    if (!shown.size) {
      removeEventListener("beforeprint", putCopies);
      removeEventListener("afterprint", removeCopies);
      removeCopies();
    }
  };
}

/** Print one card alone. */
export function printAlone(one: Printable): void {
  only = one;
  try {
    print();
  } finally {
    only = undefined;
  }
}

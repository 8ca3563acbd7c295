// What may be a part of a request's id, as the API takes it (`id` of GET /requests). Pure.

const DIGITS = 32;
const DIGITS_MIN = 6;
const PARTS = /^[0-9a-f-]*(?:(?:…|\.{2,}|\*)[0-9a-f-]*)?$/i;

const digitsIn = (text: string): number => text.replace(/[^0-9a-f]/gi, "").length;

/** Whether it may be a beginning, an end, or both with dots between. A word that happens to be written so is one, too. */
export function isPartOfId(text: string): boolean {
  const digits = digitsIn(text);
  return PARTS.test(text) && digits >= DIGITS_MIN && digits <= DIGITS;
}

export function isWholeId(text: string): boolean {
  return isPartOfId(text) && digitsIn(text) === DIGITS;
}

import { describe, expect, it } from "vitest";
import { piecesOf, rowsOf } from "./diff";
import { duration, money, span } from "./format";
import { cutAt } from "./Text";
import { plain, stretches } from "./visible";

describe("a difference", () => {
  const texts = ["", "a", "a\nb\nc", "b\nc", "a\nx\nc\nd", "c\nb\na", "a\n\n\nb"];
  it("gives back both texts, whatever they are", () => {
    for (const before of texts) {
      for (const after of texts) {
        const rows = rowsOf(before, after);
        expect(rows.flatMap((row) => row.before ?? []).join("\n")).toBe(before);
        expect(rows.flatMap((row) => row.after ?? []).join("\n")).toBe(after);
        expect(rows.every((row) => (row.change === "same") === (row.before === row.after))).toBe(true);
      }
    }
  });

  it("keeps what both have, and names what changed within a line", () => {
    expect(rowsOf("a\nb\nc", "a\nc").map((row) => row.change)).toEqual(["same", "removed", "same"]);
    const [left, right] = piecesOf("Be short.", "Be long.");
    expect(left.filter((piece) => piece.isChanged).map((piece) => piece.text)).toEqual(["short"]);
    expect(right.filter((piece) => piece.isChanged).map((piece) => piece.text)).toEqual(["long"]);
  });
});

describe("hidden characters", () => {
  it("are named, and nothing of the text is lost", () => {
    const text = "a\u202eb\u001b[31m\u200bc\r\nd\u{e0041}e\ttab";
    expect(stretches(text).map((each) => each.text).join("")).toBe(text);
    expect(stretches(text).flatMap((each) => each.hidden ?? [])).toEqual(["RLO", "ESC", "ZWSP", "U+E0041"]);
    expect(plain("a\u202eb")).toBe("a\u27e8RLO\u27e9b");
  });

  it("leave what scripts and emoji need", () => {
    expect(stretches("👩‍💻 می‌خواهم")).toHaveLength(1);
  });
});

describe("numbers", () => {
  it("read as money", () => {
    const read = ["0", "1234.5", "0.546", "0.000001", "0.0033060", "123456"].map(money);
    expect(read).toEqual(["$0", "$1,234.50", "$0.546", "$0.000001", "$0.00331", "$123.5K"]);
  });

  it("read as time", () => {
    expect([0.4, 999, 1500, 61_000, 7_200_000].map(duration)).toEqual(["0 ms", "999 ms", "1.50 s", "1 min 1 s", "2 h 0 min"]);
    expect([3 * 86_400_000, 5 * 3_600_000, 0].map(span)).toEqual(["3 days", "5 hours", "0 seconds"]);
  });

  it("never tear a character in two", () => {
    expect(cutAt("a😀b", 2)).toBe("a");
    expect(cutAt("a😀b", 3)).toBe("a😀");
  });
});

import { useCallback, useEffect, useRef, useState } from "react";
import { follow } from "@/api";

const FRESH_MAX = 2000;
const AGAIN_MS = 3000;

interface TailOf<Item> {
  /** The address of the stream, asked for anew each time that it is opened. */
  address: () => string;
  /** The kind of its events. */
  kind: string;
  /** What tells one row from another: one that comes again takes the place of what it was. */
  keyOf: (item: Item) => string;
  /** What is followed, as a text: another one begins anew. */
  name: string;
  isOn: boolean;
}

export interface Tail<Item> {
  items: Item[];
  /** How many wait to be shown. */
  waiting: number;
  release: () => void;
  setHeld: (isHeld: boolean) => void;
  isConnected: boolean;
}

/** What comes in. While one reads further down it waits, so that nothing moves. */
export function useTail<Item>({ address, kind, keyOf, name, isOn }: TailOf<Item>): Tail<Item> {
  const [items, setItems] = useState<Item[]>([]);
  const [waiting, setWaiting] = useState<Item[]>([]);
  const [isHeld, setHeld] = useState(false);
  const [isConnected, setConnected] = useState(false);
  const held = useRef(isHeld);
  held.current = isHeld;
  const asked = useRef({ address, keyOf });
  asked.current = { address, keyOf };

  useEffect(() => {
    setItems([]);
    setWaiting([]);
  }, [name]);

  useEffect(() => {
    if (!isOn) {
      setConnected(false);
      return;
    }
    const end = new AbortController();
    const take = (item: Item): void => {
      const put = held.current ? setWaiting : setItems;
      put((before) => added(before, [item], asked.current.keyOf));
    };
    async function run(): Promise<void> {
      while (!end.signal.aborted) {
        setConnected(true);
        try {
          await follow(asked.current.address(), end.signal, (said, data) => {
            if (said === kind) {
              take(data as Item);
            }
          });
        } catch (error) {
          if (end.signal.aborted) {
            return;
          }
          setConnected(false);
          console.debug("the live tail ended", error);
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
    void run();
    return () => end.abort();
  }, [name, isOn, kind]);

  const release = useCallback(() => {
    setItems((before) => added(before, waiting, asked.current.keyOf));
    setWaiting([]);
  }, [waiting]);
  return { items, waiting: waiting.length, release, setHeld, isConnected };
}

/** The newest first; one that is there already is changed where it stands. */
export function added<Item>(before: Item[], fresh: Item[], keyOf: (item: Item) => string): Item[] {
  const news = new Map(fresh.map((item) => [keyOf(item), item]));
  const kept = before.map((item) => {
    const key = keyOf(item);
    const again = news.get(key);
    news.delete(key);
    return again ?? item;
  });
  return [...news.values(), ...kept].slice(0, FRESH_MAX);
}

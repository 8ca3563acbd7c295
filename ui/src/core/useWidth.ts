import { useEffect, useRef, useState } from "react";

/** An element and how wide it is, as long as it is shown. */
export function useWidth<E extends HTMLElement>(atFirst = 800): { place: React.RefObject<E | null>; width: number } {
  const place = useRef<E>(null);
  const [width, setWidth] = useState(atFirst);
  useEffect(() => {
    const element = place.current;
    if (!element) {
      return;
    }
    const observer = new ResizeObserver(() => setWidth(element.clientWidth || atFirst));
    observer.observe(element);
    return () => observer.disconnect();
  }, [atFirst]);
  return { place, width };
}

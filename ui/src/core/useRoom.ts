import { useLayoutEffect, useState } from "react";

/** How wide an element is inside, as long as it is shown; without bound before it stands. */
export function useRoom(place: React.RefObject<HTMLElement | null>): number {
  const [room, setRoom] = useState(Infinity);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) {
      return;
    }
    const measure = (): void => setRoom(element.clientWidth || Infinity);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);
  return room;
}

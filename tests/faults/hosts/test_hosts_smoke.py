import time

from tests.faults.hosts.cluster import ask, cluster


def test_smoke():
    t = time.monotonic()
    with cluster() as c:
        print("up", time.monotonic() - t)
        key = c.first.key("k", may_assert=True)["key"]
        for g in c.gateways:
            r = ask(g, key)
            print(r.status_code, r.headers.get("x-headgate-cost-usd"), r.text[:100])
        print([(g["host"], g["name"], g["live"]) for g in c.first.get("/status")["gateways"]])
        t = time.monotonic()
    print("down", time.monotonic() - t)

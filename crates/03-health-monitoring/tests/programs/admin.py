"""What operators are told. The primary answers from what it knows: it asks no worker."""

from usage import open_files, resident_bytes


async def answer(request, slots, now):
    match request.route:
        case "GET /health":
            await health(request, slots, now)
        case "GET /metrics":
            await request.text(200, metrics(slots), "text/plain; version=0.0.4")
        case _:
            await request.json(404, {"routes": ["/health", "/metrics"]})


async def health(request, slots, now):
    ready = sum(slot.state == "ready" for slot in slots)
    status = "healthy" if ready == len(slots) else "degraded"
    code = 200
    if ready * 2 <= len(slots):
        status, code = "unhealthy", 503
    workers = [figures(slot, now) for slot in slots]
    await request.json(code, {"status": status, "ready": ready, "workers": workers})


def figures(slot, now):
    worker = slot.worker
    known = {
        "worker": slot.number,
        "state": slot.state,
        "pid": worker and worker.pid,
        "requests": slot.requests,
        "errors": slot.errors,
        "restarts": slot.restarts,
    }
    if not worker or worker.ready_at is None:
        return known
    return known | {
        "heartbeat_age_ms": int(worker.health.age(now) * 1000),
        "lag_ms": int(worker.health.lag * 1000),
        "rss_bytes": resident_bytes(worker.pid),
        "open_files": open_files(worker.pid),
    }


def metrics(slots):
    families = [
        ("worker_requests_total", "counter", lambda slot: slot.requests),
        ("worker_errors_total", "counter", lambda slot: slot.errors),
        ("worker_restarts_total", "counter", lambda slot: slot.restarts),
        ("worker_up", "gauge", lambda slot: int(slot.state == "ready")),
    ]
    lines = []
    for name, kind, value in families:
        lines.append(f"# TYPE {name} {kind}")
        lines += [f'{name}{{worker="{slot.number}"}} {value(slot)}' for slot in slots]
    return "\n".join([*lines, ""])

//! The same figures as Prometheus reads them: its text format, version 0.0.4.

use std::time::Duration;

use crate::{Health, SlotHealth, SlotState};

/// A name without its `worker_`, what kind it is, what it says, and its value for a slot that has
/// one.
type Family = (&'static str, &'static str, &'static str, fn(&SlotHealth) -> Option<f64>);

const FAMILIES: [Family; 9] = [
    ("up", "gauge", "Whether the slot has a worker to rely on.", |slot| {
        Some(if slot.state == SlotState::Ready { 1.0 } else { 0.0 })
    }),
    ("requests_total", "counter", "Requests answered.", |slot| Some(float(slot.counts.requests))),
    ("errors_total", "counter", "Answers of 500 or above.", |slot| Some(float(slot.counts.errors))),
    ("restarts_total", "counter", "Workers started after the first.", |slot| {
        Some(float(slot.restarts))
    }),
    ("cpu_seconds_total", "counter", "CPU time.", |slot| Some(slot.counts.cpu.as_secs_f64())),
    ("resident_memory_bytes", "gauge", "Resident set size.", |slot| {
        slot.usage.map(|usage| float(usage.rss_bytes))
    }),
    ("open_fds", "gauge", "Open descriptors.", |slot| {
        slot.usage.map(|usage| float(usage.open_files))
    }),
    ("heartbeat_age_seconds", "gauge", "Time since the last heartbeat.", |slot| {
        slot.heartbeat.map(|heartbeat| seconds(heartbeat.heartbeat_age_ms))
    }),
    ("event_loop_lag_seconds", "gauge", "How late that heartbeat was.", |slot| {
        slot.heartbeat.map(|heartbeat| seconds(heartbeat.lag_ms))
    }),
];

impl Health {
    /// What `GET /metrics` answers.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut lines = Vec::new();
        for (name, kind, help, value) in FAMILIES {
            lines.push(format!("# HELP worker_{name} {help}\n# TYPE worker_{name} {kind}\n"));
            let values = self.workers.iter().filter_map(|slot| Some((slot.slot, value(slot)?)));
            lines.extend(
                values.map(|(slot, value)| format!("worker_{name}{{worker=\"{slot}\"}} {value}\n")),
            );
        }
        lines.concat()
    }
}

fn seconds(millis: u64) -> f64 {
    Duration::from_millis(millis).as_secs_f64()
}

/// Prometheus knows no other numbers.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

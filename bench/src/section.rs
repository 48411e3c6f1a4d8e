//! What is measured, in this order: each section fills the index further.

mod claims;
mod index;
mod memory;
mod throughput;
mod weakened;

use std::time::Duration;

/// Where Ingresses are created.
const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses";

pub(crate) use claims::claims;
pub(crate) use index::index;
pub(crate) use memory::{idle, secrets};
pub(crate) use throughput::throughput;
pub(crate) use weakened::weakened;

/// Microseconds with three figures that count.
fn micros(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        ..100.0 => format!("{micros:.1} µs"),
        ..10_000.0 => format!("{micros:.0} µs"),
        _ => format!("{:.1} ms", micros / 1e3),
    }
}

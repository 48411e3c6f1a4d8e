//! `webhook install`, `status`, `uninstall` and `print`, the chart and the pod template, on a real
//! API server.

mod chart;
mod fail_closed;
mod pod;
mod releases;
mod stage;

//! `webhook install`, `status`, `uninstall` and `print`, the chart and the pod template, on a real
//! API server.

mod cert_manager;
mod chart;
mod fail_closed;
mod kubelet;
mod pod;
mod releases;
mod self_managed;
mod stage;
mod upgrade;

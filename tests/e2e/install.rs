//! `webhook install`, `status`, `uninstall` and `print`, the chart and the pod template, on a real
//! API server.

mod cert_manager;
mod chart;
mod fail_closed;
mod kubelet;
mod outside;
mod pod;
mod releases;
mod scoped;
mod self_managed;
mod stage;
mod upgrade;

//! The Helm chart: what it renders is valid for every Kubernetes that it names, and does what it says. The pods that it
//! renders are run here, by the kubelet's rules, as real processes against a real Redis.
//!
//! `UPDATE_GOLDEN=1 cargo test --test main -- helm::` writes the golden files anew: read what git says of them.

mod cases;
mod chart;
mod ending;
mod papers;
mod pod;
mod refused;
mod running;

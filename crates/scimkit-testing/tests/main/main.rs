//! What the parts for tests promise.

mod counting;
mod services;
mod transports;
mod virtual_time;

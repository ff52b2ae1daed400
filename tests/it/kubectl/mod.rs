//! The embedded API as people see it: real kubectl against its listener. Where a real control plane
//! can be had, every command is run against that too, and both must say the same.

mod client;
mod describing;
mod desk;
mod reading;
mod scene;
mod waiting;
mod writing;

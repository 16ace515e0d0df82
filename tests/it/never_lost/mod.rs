//! Never lost: kills, full disks, locks, backups, upgrades, and what `verify` finds.

mod backup;
pub(crate) mod backup_sealed;
mod beside;
mod cannot_write;
mod failing_disk;
mod failing_vault;
mod file_size_limit;
mod history;
mod kill;
mod kill_connect;
mod kill_moving;
mod kill_refresh;
pub(crate) mod kill_steps;
mod memory;
mod mishaps;
mod moved;
mod odd_refresh;
mod old_warehouses;
mod older_vault;
mod pruned;
mod rebuild;
mod refresh_in_flight;
mod too_few_threads;
mod upgrading;
mod verify;
mod verify_no_room;

//! Draft.
#![allow(dead_code)]
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod conforming;
mod home;
mod in_primary;
mod in_redis;
mod in_redis_news;
mod in_sqlite;
mod in_sqlite_news;
mod memory;
#[cfg(test)]
mod redis_outages;
#[cfg(test)]
mod redis_server;
mod scripts;
mod sessions;
mod store;

fn main() {}

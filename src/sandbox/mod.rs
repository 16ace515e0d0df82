//! The embedded payer: synthetic members, later an API in front of them.

mod data;

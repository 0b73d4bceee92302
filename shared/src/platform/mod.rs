//! Ports and their adapters: everything that is not personal finance.

mod ahead;
pub mod clock;
pub mod config;
pub mod db;
pub mod fields;
pub mod files;
mod front;
pub mod function;
pub mod gate;
pub mod http;
pub mod jwt;
pub mod limits;
pub mod live;
pub mod lookout;
pub mod mail;
pub mod outside;
pub mod packed;
pub mod problem;
pub mod queue;
pub mod rates;
pub mod roots;
pub mod rotation;
mod s3;
pub mod secrets;
pub mod serve;
pub mod telemetry;

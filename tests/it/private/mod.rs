//! Never leaked: secrets, other members, other accounts, terminals, the supply chain.

mod access_log;
mod backend_patient;
mod browser;
mod canary;
mod canary_connect;
mod canary_day;
mod discovered_endpoint;
mod encrypted;
mod foreign_uid;
mod issuer;
mod kept_private;
mod named_outputs;
mod one_patient;
mod purge;
mod purge_again;
mod purge_traces;
mod repeated_secrets;
mod screen;
mod security_page;
mod subject;
mod supply_chain;
mod vault_key_command;
mod whose_home;
mod wrong_member;

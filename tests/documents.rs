//! The documents against what they speak of: every command in them is run, every configuration in them is
//! checked, every link leads somewhere, and every error text has its line in docs/troubleshooting.md.

mod commands;
mod configurations;
mod links;
mod page;
mod troubleshooting;

use page::Page;

//! Integration tests: the real binary, real databases, real protocols. One binary, so that it is
//! linked once.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod complete;
#[cfg(test)]
mod files;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod marts;
#[cfg(test)]
mod never_lost;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod private;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tidy_circles;
#[cfg(test)]
mod tidy_crates;
#[cfg(test)]
mod tidy_source;

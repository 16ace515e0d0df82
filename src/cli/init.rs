//! The command line of `init`.

use clap::Args;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// A preset: a plan whose endpoints and rules are known
    #[arg(long, value_name = "PRESET")]
    pub plan: Option<String>,
    /// What differs from one customer of the preset's plan to the next, such as brand=Wellpoint
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value, requires = "plan")]
    pub set: Vec<(String, String)>,
    /// Print the preset's section instead of writing a file
    #[arg(long, requires = "plan")]
    pub print: bool,
    /// List the presets, with the source and date of each and what is missing
    #[arg(long, conflicts_with = "plan")]
    pub list: bool,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("not KEY=VALUE, such as brand=Wellpoint")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

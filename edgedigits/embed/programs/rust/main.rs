//! The program: prints the digit on each picture that the command line names.

use std::error::Error;
use std::process::ExitCode;
use std::{env, fs};

use digits::{Digits, Picture};

const USAGE: &str = "\
usage: digits PICTURE ...

Read the digit on pictures: binary PGM files. An answer a line. The exit code is 1 where a picture
could not be read.

examples:
  digits example.pgm
  digits photo.pgm scan.pgm
";

fn main() -> ExitCode {
    let names: Vec<String> = env::args().skip(1).collect();
    if names.iter().any(|name| name == "-h" || name == "--help") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if names.is_empty() {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    }
    match Digits::open() {
        Ok(digits) => print_all(&digits, &names),
        Err(error) => {
            eprintln!("{error}");
            eprintln!("Another file may do: edgedigits export --format onnx writes a float one.");
            ExitCode::FAILURE
        }
    }
}

fn print_all(digits: &Digits, names: &[String]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for name in names {
        match answer(digits, name) {
            Ok(found) => println!("{name}: {found}"),
            Err(error) => {
                eprintln!("{name}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn answer(digits: &Digits, name: &str) -> Result<digits::Answer, Box<dyn Error>> {
    let picture = Picture::from_pgm(&fs::read(name)?)?;
    Ok(digits.answer(&picture)?)
}

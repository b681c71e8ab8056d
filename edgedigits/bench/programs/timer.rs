//! Median microseconds of one picture through the library: an example in the folder of target rust.

use std::error::Error;
use std::fs;
use std::time::Instant;

use digits::{Digits, Picture};

const WARM_UP: usize = 2000;
const CALLS: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let picture = Picture::from_pgm(&fs::read("example.pgm")?)?;
    let digits = Digits::open()?;
    for _ in 0..WARM_UP {
        digits.answer(&picture)?;
    }
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let begin = Instant::now();
        digits.answer(&picture)?;
        times.push(begin.elapsed());
    }
    times.sort();
    println!("{}", 1e6 * times[CALLS / 2].as_secs_f64());
    Ok(())
}

//! Proves this machine's build, and the library as it stands: `cargo test --release`, in its folder.
//!
//! Every golden input goes through it as a picture in a file would, and the answer must be the
//! golden answer.

use digits::{Answer, Digits, Picture};

const GOLDEN: &str = include_str!("golden.tsv");
const LABELS: &str = include_str!("labels.txt");
const LARGEST: [usize; 2] = [255, 1023]; // values of the golden pictures, in turn

/// A line of golden.tsv; the answer is `None` where there is no digit.
struct Golden<'a> {
    name: &'a str,
    picture: Picture,
    seen: Vec<u8>,
    answer: Option<&'a str>,
    close: bool,
    logits: Vec<f32>,
}

impl<'a> Golden<'a> {
    fn parse(line: &'a str) -> Self {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, height, width, pixels, seen, answer, close, logits] = cells[..] else {
            panic!("golden.tsv: a line of {} cells", cells.len());
        };
        let number = |cell: &str| cell.parse().expect("a number");
        let picture = Picture {
            height: number(height),
            width: number(width),
            pixels: bytes(pixels),
        };
        Golden {
            name,
            picture,
            seen: bytes(seen),
            answer: answer
                .parse()
                .ok()
                .and_then(|index| LABELS.lines().nth(index)),
            close: close == "1",
            logits: logits
                .split(',')
                .map(|cell| cell.parse().expect("a logit"))
                .collect(),
        }
    }

    /// The picture as a binary PGM, with values up to `largest`.
    fn pgm(&self, largest: usize) -> Vec<u8> {
        let Picture {
            height,
            width,
            pixels,
        } = &self.picture;
        let mut file = format!("P5\n# golden\n{width} {height}\n{largest}\n").into_bytes();
        for &pixel in pixels {
            let value = (usize::from(pixel) * largest + 127) / 255;
            if largest > 255 {
                file.push((value >> 8) as u8);
            }
            file.push(value as u8);
        }
        file
    }

    /// What is wrong, or nothing.
    fn fault(&self, reached: &Picture, found: &Answer, tolerance: f32) -> Option<&'static str> {
        if *reached != self.picture {
            Some("the pixels that reach the model are others")
        } else if !(self.distance(found) <= tolerance) {
            Some("the pixels are right, the logits are not: mind the runtime, and how it is read")
        } else if !self.seen.is_empty() && found.seen != self.seen {
            Some("the network is shown another image: the runtime computes otherwise")
        } else if !self.close && found.label.as_deref() != self.answer {
            Some("the logits are right, and the answer is not: mind the labels and the threshold")
        } else {
            None
        }
    }

    /// How far the logits are from the golden ones.
    fn distance(&self, found: &Answer) -> f32 {
        assert_eq!(found.logits.len(), self.logits.len());
        let pairs = found.logits.iter().zip(&self.logits);
        pairs
            .map(|(found, wanted)| (found - wanted).abs())
            .fold(0.0, |most, off| if off <= most { most } else { off })
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

#[test]
fn the_golden_inputs_have_the_golden_answers() {
    let digits = Digits::open().expect("a model that tract runs");
    let (tolerance, lines) = GOLDEN.split_once('\n').expect("a tolerance, then inputs");
    let limit = tolerance.parse().expect("a number");
    let (mut count, mut failed, mut off) = (0, 0, 0.0_f32);
    for golden in lines.lines().map(Golden::parse) {
        let file = golden.pgm(LARGEST[count % LARGEST.len()]);
        let reached = Picture::from_pgm(&file).expect("a picture");
        let found = digits.answer(&reached).expect("an answer");
        off = off.max(golden.distance(&found));
        if let Some(fault) = golden.fault(&reached, &found, limit) {
            println!("FAILED: {}: {fault}", golden.name);
            failed += 1;
        }
        count += 1;
    }
    assert_eq!(failed, 0, "of {count} golden inputs");
    println!("passed: {count} golden inputs, logits off by {off:.1e} at most, {tolerance} allowed");
}

//! A screenshot, decoded.

use std::collections::HashMap;
use std::io::Cursor;

use anyhow::{Context as _, ensure};

/// So many pixels of a thousand a page has that is not blank, beside its ground.
const INK: usize = 5;

/// A picture by its colours.
pub(crate) struct Picture {
    pub(crate) width: u32,
    /// How many pixels have each colour.
    colours: HashMap<[u8; 3], usize>,
    pixels: usize,
}

impl Picture {
    pub(crate) fn decode(png: &[u8]) -> anyhow::Result<Self> {
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info()?;
        let size = reader.output_buffer_size().context("too large a picture")?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes)?;
        ensure!(frame.bit_depth == png::BitDepth::Eight, "8 bits a channel");
        let mut colours = HashMap::new();
        let mut pixels = 0;
        for pixel in bytes.chunks_exact(frame.color_type.samples()) {
            let [r, g, b, ..] = *pixel else {
                anyhow::bail!("{:?} is no picture in colours", frame.color_type);
            };
            *colours.entry([r, g, b]).or_default() += 1;
            pixels += 1;
        }
        Ok(Self {
            width: frame.width,
            colours,
            pixels,
        })
    }

    /// The colour of the most pixels, and how many.
    fn ground(&self) -> ([u8; 3], usize) {
        let most = self.colours.iter().max_by_key(|(_, count)| **count);
        most.map_or(([0; 3], 0), |(colour, count)| (*colour, *count))
    }

    /// Whether nothing is on it.
    pub(crate) fn is_blank(&self) -> bool {
        let ink = self.pixels - self.ground().1;
        self.colours.len() < 16 || ink * 1000 < self.pixels * INK
    }

    /// Whether its ground is dark.
    pub(crate) fn is_dark(&self) -> bool {
        self.ground().0.iter().all(|part| *part < 80)
    }

    /// How many pixels have a colour that is like one of these, clearly red, green and so on.
    pub(crate) fn coloured(&self) -> usize {
        let lively = |colour: &[u8; 3]| {
            let (most, least) = (colour.iter().max(), colour.iter().min());
            most.zip(least)
                .is_some_and(|(most, least)| most - least > 60)
        };
        let lively = self.colours.iter().filter(|(colour, _)| lively(colour));
        lively.map(|(_, count)| count).sum()
    }
}

//! The model file: safetensors, read as the contract of the format says.

use serde_json::{Map, Value};

use crate::json::{self, Entry};
use crate::sum::Format;
use crate::{Checked, Refusal};

/// The weights of one layer, row by row.
#[derive(Debug, PartialEq)]
pub struct Block {
    /// `[heads, d_model, d_head]`
    pub w_q: Vec<f64>,
    pub w_k: Vec<f64>,
    pub w_v: Vec<f64>,
    /// `[heads, d_head]`
    pub b_q: Vec<f64>,
    pub b_k: Vec<f64>,
    pub b_v: Vec<f64>,
    /// `[heads, d_head, d_model]`
    pub w_o: Vec<f64>,
    pub b_o: Vec<f64>,
    /// `[d_model, d_mlp]`
    pub w_in: Vec<f64>,
    pub b_in: Vec<f64>,
    /// `[d_mlp, d_model]`
    pub w_out: Vec<f64>,
    pub b_out: Vec<f64>,
}

/// A model whose layers are a fixed number for every input.
#[derive(Debug)]
pub struct Model {
    pub format: Format,
    pub is_causal: bool,
    /// Layers that are applied once before the loop, in it, and once after it.
    pub parts: [usize; 3],
    pub n: usize,
    pub d_model: usize,
    pub heads: usize,
    pub d_head: usize,
    pub d_mlp: usize,
    /// `[3, d_model]`: the tokens 0, 1 and blank.
    pub w_e: Vec<f64>,
    /// `[n, d_model]`
    pub w_pos: Vec<f64>,
    pub blocks: Vec<Block>,
    /// `[d_model, 2]`
    pub w_u: Vec<f64>,
    pub b_u: Vec<f64>,
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
    pub input_names: Vec<String>,
    pub output_names: Vec<String>,
}

/// More heads would make truth tables of more than 256 rows.
pub const MAX_HEADS: usize = 8;

impl Model {
    /// Reads a file. Every number must be finite.
    ///
    /// # Errors
    /// The first thing that is not as the contract has it.
    pub fn read(bytes: &[u8]) -> Checked<Self> {
        let file = File::open(bytes)?;
        for (key, value) in [
            ("format", "circuit2tf"),
            ("act_fn", "relu"),
            ("normalization", "none"),
            ("attn_scale", "1"),
        ] {
            file.require(key, &[value])?;
        }
        file.require_looped()?;
        file.require("d_vocab", &["3"])?;
        file.require("d_vocab_out", &["2"])?;
        file.require("attention", &["bidirectional", "causal"])?;
        let (d, heads, d_head) =
            (file.count("d_model")?, file.count("n_heads")?, file.count("d_head")?);
        let (n, d_mlp) = (file.count("n_ctx")?, file.count("d_mlp")?);
        if d == 0 || d_head == 0 || !(1..=MAX_HEADS).contains(&heads) {
            return Err(Refusal::new("n_heads", format!("{heads} heads of {d_head}, d_model {d}")));
        }
        let parts = file.parts()?;
        let n_blocks = parts.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        let n_blocks = n_blocks.filter(|&n| n <= file.header.len());
        let n_blocks = n_blocks.ok_or_else(|| Refusal::new("n_layers", "is too large"))?;
        let format = file.format()?;
        let get = |name: &str, shape: &[usize]| file.floats(name, shape);
        let block = |l| file.block(l, (heads, d, d_head, d_mlp));
        let inputs = file.positions("ports.input_positions", n)?;
        let outputs = file.positions("ports.output_positions", n)?;
        let mut distinct = inputs.clone();
        distinct.sort_unstable();
        if distinct.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Refusal::new("ports.input_positions", "one position for two inputs"));
        }
        Ok(Model {
            format,
            is_causal: file.text("attention")? == "causal",
            parts,
            n,
            d_model: d,
            heads,
            d_head,
            d_mlp,
            w_e: get("embed.W_E", &[3, d])?,
            w_pos: get("pos_embed.W_pos", &[n, d])?,
            blocks: (0..n_blocks).map(block).collect::<Checked<_>>()?,
            w_u: get("unembed.W_U", &[d, 2])?,
            b_u: get("unembed.b_U", &[2])?,
            input_names: file.names("input_names", inputs.len())?,
            output_names: file.names("output_names", outputs.len())?,
            inputs,
            outputs,
        })
    }

    /// How often layers are applied in all.
    pub fn n_steps(&self, n_loops: usize) -> usize {
        let [prelude, core, coda] = self.parts;
        core.saturating_mul(n_loops).saturating_add(prelude).saturating_add(coda)
    }

    /// How many positions position `i` may read: the first ones.
    pub fn visible(&self, i: usize) -> usize {
        if self.is_causal { i + 1 } else { self.n }
    }
}

/// The header of a file, and the bytes behind it.
struct File<'b> {
    header: Map<String, Value>,
    metadata: Map<String, Value>,
    data: &'b [u8],
}

impl<'b> File<'b> {
    /// Eight bytes with the header's length, the header, and the tensors without a gap or an overlap.
    fn open(bytes: &'b [u8]) -> Checked<Self> {
        let refuse = |reason: &str| Refusal::new("model file", reason);
        let (length, rest) =
            bytes.split_first_chunk::<8>().ok_or_else(|| refuse("is too short"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok();
        let (text, data) = length
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| refuse("its header is longer than the file"))?;
        if text.first() != Some(&b'{') {
            return Err(refuse("its header does not begin with {"));
        }
        let Value::Object(mut header) = json::parse(text)? else { return Err(refuse("no object")) };
        let Some(Value::Object(metadata)) = header.remove("__metadata__") else {
            return Err(refuse("has no metadata"));
        };
        let file = File { header, metadata, data };
        let spans = file.header.keys().map(|name| file.span(name));
        let mut spans = spans.collect::<Checked<Vec<_>>>()?;
        spans.sort_unstable();
        let end =
            spans.iter().try_fold(0, |end, &(from, to)| (from == end && to >= from).then_some(to));
        if end != Some(data.len()) {
            return Err(refuse("its tensors do not fill it one after the other"));
        }
        Ok(file)
    }

    fn span(&self, name: &str) -> Checked<(usize, usize)> {
        let end = |i: usize| self.header[name]["data_offsets"][i].as_u64();
        let span =
            end(0).zip(end(1)).filter(|&(from, to)| from <= to && to <= self.data.len() as u64);
        let (from, to) = span.ok_or_else(|| Refusal::new(name, "has no place in the file"))?;
        Ok((from as usize, to as usize))
    }

    fn text(&self, key: &str) -> Checked<&str> {
        let entry = self.metadata.get(key).and_then(Value::as_str);
        entry.ok_or_else(|| Refusal::new(key, "is missing in the metadata"))
    }

    fn require(&self, key: &str, values: &[&str]) -> Checked<()> {
        let found = self.text(key)?;
        if values.contains(&found) {
            return Ok(());
        }
        Err(Refusal::new(key, format!("is {found:?}, of which no certificate speaks")))
    }

    /// The pass is the plain one: that of the schemes named here, or the one that a file of another scheme says.
    fn require_looped(&self) -> Checked<()> {
        let is_other = |name: &str| ["universal", "coconut", "cot"].contains(&name);
        if self.metadata.contains_key("pass") && !self.text("scheme").is_ok_and(is_other) {
            return self.require("pass", &["looped"]);
        }
        if self.metadata.contains_key("scheme") {
            return self.require("scheme", &["recurrent", "pause", "unrolled"]);
        }
        Ok(())
    }

    fn count(&self, key: &str) -> Checked<usize> {
        self.text(key)?.parse().map_err(|_| Refusal::new(key, "is no number"))
    }

    fn parts(&self) -> Checked<[usize; 3]> {
        let parts = match self.text("version")? {
            "1" => [0, self.count("n_layers")?, 0],
            "2" => [self.count("n_prelude")?, self.count("n_core")?, self.count("n_coda")?],
            other => return Err(Refusal::new("version", format!("is {other:?}"))),
        };
        if parts[1] == 0 {
            return Err(Refusal::new("n_layers", "is 0"));
        }
        Ok(parts)
    }

    fn names(&self, key: &str, n: usize) -> Checked<Vec<String>> {
        let value = json::parse(self.text(key)?.as_bytes())?;
        let names = Entry::root(&value).array_of(n)?;
        names.iter().map(|name| Ok(name.text()?.to_string())).collect()
    }

    fn format(&self) -> Checked<Format> {
        match self.header.get("pos_embed.W_pos").and_then(|tensor| tensor["dtype"].as_str()) {
            Some("F32") => Ok(Format::F32),
            Some("F16") => Ok(Format::F16),
            Some("BF16") => Ok(Format::BF16),
            Some("F64") => Ok(Format::F64),
            _ => Err(Refusal::new("pos_embed.W_pos", "is no tensor of F32, F16, BF16 or F64")),
        }
    }

    /// The bytes of a tensor of this type and shape.
    fn tensor(&self, name: &str, dtype: &str, size: usize, shape: &[usize]) -> Checked<&[u8]> {
        let refuse = |reason: String| Refusal::new(name, reason);
        let tensor = self.header.get(name).ok_or_else(|| refuse("is missing".to_string()))?;
        if tensor["dtype"] != dtype || tensor["shape"] != Value::from(shape) {
            return Err(refuse(format!("is not of {dtype} and shape {shape:?}")));
        }
        let n_bytes = shape.iter().try_fold(size, |product, &n| product.checked_mul(n));
        let (from, to) = self.span(name)?;
        if n_bytes != Some(to - from) {
            return Err(refuse("has not the bytes of its shape".to_string()));
        }
        Ok(&self.data[from..to])
    }

    fn floats(&self, name: &str, shape: &[usize]) -> Checked<Vec<f64>> {
        fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            bytes.as_chunks::<N>().0.iter().map(|&bytes| number(bytes)).collect()
        }
        let numbers = match self.header["pos_embed.W_pos"]["dtype"].as_str() {
            Some("F32") => {
                numbers(self.tensor(name, "F32", 4, shape)?, |b| f32::from_le_bytes(b).into())
            }
            Some("F16") => {
                numbers(self.tensor(name, "F16", 2, shape)?, |b| half(u16::from_le_bytes(b)))
            }
            Some("BF16") => numbers(self.tensor(name, "BF16", 2, shape)?, |b| {
                f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16).into()
            }),
            _ => numbers(self.tensor(name, "F64", 8, shape)?, f64::from_le_bytes),
        };
        match numbers.iter().position(|x| !x.is_finite()) {
            None => Ok(numbers),
            Some(i) => Err(Refusal::new(format!("{name}[{i}]"), format!("is {}", numbers[i]))),
        }
    }

    fn block(&self, l: usize, (h, d, t, m): (usize, usize, usize, usize)) -> Checked<Block> {
        let get = |name: &str, shape: &[usize]| self.floats(&format!("blocks.{l}.{name}"), shape);
        Ok(Block {
            w_q: get("attn.W_Q", &[h, d, t])?,
            w_k: get("attn.W_K", &[h, d, t])?,
            w_v: get("attn.W_V", &[h, d, t])?,
            b_q: get("attn.b_Q", &[h, t])?,
            b_k: get("attn.b_K", &[h, t])?,
            b_v: get("attn.b_V", &[h, t])?,
            w_o: get("attn.W_O", &[h, t, d])?,
            b_o: get("attn.b_O", &[d])?,
            w_in: get("mlp.W_in", &[d, m])?,
            b_in: get("mlp.b_in", &[m])?,
            w_out: get("mlp.W_out", &[m, d])?,
            b_out: get("mlp.b_out", &[d])?,
        })
    }

    fn positions(&self, name: &str, end: usize) -> Checked<Vec<usize>> {
        let n = self.header.get(name).and_then(|tensor| tensor["shape"][0].as_u64()).unwrap_or(0);
        let bytes = self.tensor(name, "I64", 8, &[n as usize])?;
        let position = |(i, &bytes): (usize, &[u8; 8])| {
            let position = usize::try_from(i64::from_le_bytes(bytes)).ok().filter(|&p| p < end);
            position.ok_or_else(|| Refusal::new(format!("{name}[{i}]"), "is no position"))
        };
        bytes.as_chunks::<8>().0.iter().enumerate().map(position).collect()
    }
}

/// A number of IEEE's format of 16 bits.
fn half(bits: u16) -> f64 {
    let (field, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match field {
        0 => fraction * 2f64.powi(-24),
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2f64.powi(field - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

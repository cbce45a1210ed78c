//! Model files: safetensors with metadata, as another runner needs them (names and shapes follow
//! TransformerLens' state dict).
//!
//! Reading uses the `safetensors` crate. The header is written here, since the crate keeps metadata in a
//! hash map, and the same model must give the same bytes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use half::{bf16, f16};
use ndarray::{Array1, Array2, Array3};
use rayon::prelude::*;
use safetensors::tensor::{Dtype as FileDtype, SafeTensors, TensorView};
use serde_json::{Map, Value, json};

use super::{Attention, BLOCK_TENSORS, Block, Dtype, Labels, Model, Parts, Scheme};
use crate::error::{Error, Place, Result};
use crate::{content, files};

const FORMAT: &str = "circuit2tf";
/// Files that a literal reading of the blocks, all of them looped, runs rightly.
const VERSION: &str = "1";
/// Files with a prelude or a coda. They have `n_core` in the place of `n_layers`, so that a runner that
/// would loop all blocks stops for want of an entry, whether it looks at the version or not.
const VERSION_WITH_ENDS: &str = "2";

/// The extensions of model files.
pub const EXTENSIONS: [&str; 2] = ["safetensors", "st"];

impl Model {
    /// Reads a model file.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("adder.safetensors");
    /// use circuit2tf::compile::{Options, compile};
    /// use circuit2tf::{family, model::Model};
    ///
    /// let model = compile(&family::generate("adder:2")?, "", &Options::default())?;
    /// model.save(&path)?;
    /// assert_eq!(Model::load(&path)?, model);
    /// # Ok::<(), circuit2tf::Error>(())
    /// ```
    ///
    /// # Errors
    /// It cannot be read; or as [`from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        let (bytes, name) = files::named(path.as_ref())?;
        from_bytes(&bytes, &name)
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    /// The name has another extension than [`EXTENSIONS`], or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        if extension.is_some_and(|found| !EXTENSIONS.iter().any(|known| found == *known)) {
            let expected = format!("a name that ends in .{}", EXTENSIONS.join(" or ."));
            return Err(Error::new(expected, format!("{:?}", path.display().to_string())));
        }
        files::write(path, &to_bytes(self))
    }
}

/// The file's bytes.
pub fn to_bytes(model: &Model) -> Vec<u8> {
    let mut header = Map::new();
    header.insert("__metadata__".to_string(), metadata(model));
    let mut data = Vec::new();
    let mut add = |name: &str, dtype: &str, shape: &[usize], bytes: &dyn Fn(&mut Vec<u8>)| {
        let start = data.len();
        bytes(&mut data);
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(name.to_string(), entry);
    };
    let vectors = port_vectors(model);
    for (name, positions) in vectors.iter().chain(&model.scheme_vectors).chain(&model.claim) {
        add(name, "I64", &[positions.len()], &|data| {
            data.extend(positions.iter().flat_map(|x| x.to_le_bytes()));
        });
    }
    let written = model.for_each_tensor(|name, shape, numbers| {
        add(name, file_dtype_name(model.dtype), shape, &|data| encode(model.dtype, numbers, data));
        Ok(())
    });
    written.expect("the closure returns no error");
    assemble(&Value::Object(header), &data)
}

/// The model in a file's bytes; `file` is its name, for errors.
///
/// # Errors
/// The bytes are no safetensors file, a tensor or a metadata entry is missing or does not fit.
pub fn from_bytes(bytes: &[u8], file: &str) -> Result<Model> {
    let read = || {
        check_layout(bytes)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
            Error::new("a model file (safetensors)", format!("one that cannot be read: {error}"))
                .hint("`circuit2tf compile CIRCUIT -o MODEL` writes model files")
        })?;
        let (_, header) = SafeTensors::read_metadata(bytes)
            .map_err(|error| Error::message(format!("cannot read the header: {error}")))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        Reader { tensors, metadata }.model()
    };
    read().map_err(|error| error.at(Place::File(file.to_string())))
}

/// Holds the file against what the format says and its readers leave open: the header begins with `{`,
/// names nothing twice, and the tensors end where the file ends.
fn check_layout(bytes: &[u8]) -> Result<()> {
    const EXPECTED: &str = "a model file (safetensors)";
    let made = "`circuit2tf compile CIRCUIT -o MODEL` writes model files";
    if let Some(foreign) = content::foreign(bytes) {
        return Err(foreign.error(EXPECTED));
    }
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(Error::new(EXPECTED, format!("{} bytes", bytes.len())).hint(made));
    };
    let length = u64::from_le_bytes(*length);
    let header = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let Some(header) = header else {
        let found = format!("a header of {length} bytes in a file of {}", bytes.len());
        return Err(Error::new(EXPECTED, found).hint(made));
    };
    if header.first() != Some(&b'{') {
        let found =
            header.first().map_or("none".to_string(), |byte| format!("{:?}", *byte as char));
        return Err(Error::new("a header that begins with \"{\" at byte 8", found).hint(made));
    }
    let header = content::json(header).map_err(|error| {
        let found = format!("one that cannot be read: {error}");
        Error::new("a header in which each tensor has one entry", found).hint(made)
    })?;
    let end = |tensor: &Value| tensor["data_offsets"][1].as_u64();
    let tensors = header.as_object().into_iter().flatten();
    let data =
        tensors.filter(|(name, _)| *name != "__metadata__").filter_map(|(_, tensor)| end(tensor));
    let (end, found) = (data.max().unwrap_or(0), rest.len() as u64 - length);
    if end != found {
        let what = if end < found { "more behind the last tensor" } else { "fewer" };
        let found = format!("{found}, {what}");
        return Err(
            Error::new(format!("{end} bytes of tensors"), found).hint("copy the file again")
        );
    }
    Ok(())
}

/// Whether the bytes begin like a safetensors file: a plausible header length, then a JSON object.
pub fn is_model(bytes: &[u8]) -> bool {
    // What the format allows; the first bytes of any text make a far larger number.
    const MAX_HEADER: u64 = 100_000_000;
    match bytes.split_first_chunk::<8>() {
        Some((length, rest)) => {
            u64::from_le_bytes(*length) <= MAX_HEADER
                && rest.trim_ascii_start().first() == Some(&b'{')
        }
        None => false,
    }
}

/// Header length (8 bytes, little-endian), header padded with spaces to 8 bytes, data.
fn assemble(header: &Value, data: &[u8]) -> Vec<u8> {
    let mut text = header.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + text.len() + data.len());
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
    bytes.extend_from_slice(data);
    bytes
}

fn port_vectors(model: &Model) -> BTreeMap<String, Vec<i64>> {
    let vector = |positions: &[usize]| positions.iter().map(|&p| p as i64).collect();
    BTreeMap::from([
        ("ports.input_positions".to_string(), vector(&model.input_positions)),
        ("ports.output_positions".to_string(), vector(&model.output_positions)),
    ])
}

fn metadata(model: &Model) -> Value {
    let labels = &model.labels;
    let attention = match model.attention {
        Attention::Bidirectional => "bidirectional",
        Attention::Causal => "causal",
    };
    let mut metadata = json!({
        "format": FORMAT,
        "version": VERSION,
        "n_loops": model.n_loops.to_string(),
        "n_heads": model.n_heads().to_string(),
        "d_model": model.d_model().to_string(),
        "d_head": model.d_head().to_string(),
        "d_mlp": model.d_mlp().to_string(),
        "n_ctx": model.n_ctx().to_string(),
        "d_vocab": model.d_vocab().to_string(),
        "d_vocab_out": model.d_vocab_out().to_string(),
        "scheme": model.scheme.name(),
        "act_fn": "relu",
        "normalization": "none",
        "attention": attention,
        "attn_scale": "1",
        "depth": labels.depth.to_string(),
        "input_names": json!(labels.input_names).to_string(),
        "output_names": json!(labels.output_names).to_string(),
        "channel_names": json!(labels.channel_names).to_string(),
        "word_orders": json!(labels.word_orders).to_string(),
        "source_sha256": labels.source_sha256,
    });
    if !Scheme::KNOWN.contains(&model.scheme) {
        metadata["pass"] = model.scheme.pass().name().into();
    }
    let counts: &[(&str, usize)] = match (model.n_prelude, model.n_coda) {
        (0, 0) => &[("n_layers", model.n_layers())],
        (n_prelude, n_coda) => {
            metadata["version"] = VERSION_WITH_ENDS.into();
            &[("n_prelude", n_prelude), ("n_core", model.n_layers()), ("n_coda", n_coda)]
        }
    };
    for (key, count) in counts {
        metadata[*key] = count.to_string().into();
    }
    metadata
}

fn file_dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "F32",
        Dtype::F16 => "F16",
        Dtype::Bf16 => "BF16",
        Dtype::F64 => "F64",
    }
}

fn encode(dtype: Dtype, numbers: &[f64], data: &mut Vec<u8>) {
    match dtype {
        Dtype::F32 => data.extend(numbers.iter().flat_map(|&x| (x as f32).to_le_bytes())),
        Dtype::F16 => data.extend(numbers.iter().flat_map(|&x| f16::from_f64(x).to_le_bytes())),
        Dtype::Bf16 => data.extend(numbers.iter().flat_map(|&x| bf16::from_f64(x).to_le_bytes())),
        Dtype::F64 => data.extend(numbers.iter().flat_map(|&x| x.to_le_bytes())),
    }
}

fn decode(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64 + Sync) -> Vec<f64> {
        /// Fewer are decoded sooner than threads are woken.
        const MANY: usize = 1 << 18;
        let (chunks, _) = bytes.as_chunks::<N>();
        if chunks.len() < MANY {
            chunks.iter().map(|&chunk| number(chunk)).collect()
        } else {
            chunks.par_iter().map(|&chunk| number(chunk)).collect()
        }
    }
    match dtype {
        Dtype::F32 => numbers(bytes, |b| f64::from(f32::from_le_bytes(b))),
        Dtype::F16 => numbers(bytes, |b| f16::from_le_bytes(b).to_f64()),
        Dtype::Bf16 => numbers(bytes, |b| bf16::from_le_bytes(b).to_f64()),
        Dtype::F64 => numbers(bytes, f64::from_le_bytes),
    }
}

/// The tensors and metadata of a file under examination.
struct Reader<'b> {
    tensors: SafeTensors<'b>,
    metadata: HashMap<String, String>,
}

impl Reader<'_> {
    fn model(&self) -> Result<Model> {
        for (key, value) in
            [("format", FORMAT), ("act_fn", "relu"), ("normalization", "none"), ("attn_scale", "1")]
        {
            self.require(key, value)?;
        }
        let dtype = self.dtype()?;
        let (n_prelude, n_core, n_coda) = self.layers()?;
        let n_blocks = n_prelude.saturating_add(n_core).saturating_add(n_coda);
        // A lying count is found out by the first tensor that is missing, before anything is reserved.
        let blocks: Result<Vec<Block>> = (0..n_blocks).map(|l| self.block(dtype, l)).collect();
        let model = Model::of_numbers(Parts {
            scheme: self.scheme()?,
            dtype,
            attention: self.attention()?,
            n_loops: self.count("n_loops")?,
            n_prelude,
            n_coda,
            w_e: self.array2(dtype, "embed.W_E")?,
            w_pos: self.array2(dtype, "pos_embed.W_pos")?,
            blocks: blocks?,
            w_u: self.array2(dtype, "unembed.W_U")?,
            b_u: self.array1(dtype, "unembed.b_U")?,
            input_positions: self.positions("ports.input_positions")?,
            output_positions: self.positions("ports.output_positions")?,
            scheme_vectors: self.vectors("scheme.")?,
            labels: self.labels()?,
            claim: self.vectors("claim.")?,
        })?;
        self.check_counts(&model)?;
        Ok(model)
    }

    /// The layers of prelude, core and coda.
    fn layers(&self) -> Result<(usize, usize, usize)> {
        match self.entry("version")? {
            VERSION => Ok((0, self.count("n_layers")?, 0)),
            VERSION_WITH_ENDS => {
                Ok((self.count("n_prelude")?, self.count("n_core")?, self.count("n_coda")?))
            }
            other => Err(Error::new(
                format!("version = {VERSION:?} or {VERSION_WITH_ENDS:?}"),
                format!("{other:?}"),
            )),
        }
    }

    fn check_counts(&self, model: &Model) -> Result<()> {
        for (key, found) in [
            ("n_heads", model.n_heads()),
            ("d_model", model.d_model()),
            ("d_head", model.d_head()),
            ("d_mlp", model.d_mlp()),
            ("n_ctx", model.n_ctx()),
            ("d_vocab", model.d_vocab()),
            ("d_vocab_out", model.d_vocab_out()),
        ] {
            if self.count(key)? != found {
                let expected = format!("{key} = {found}, as the tensors have it");
                return Err(Error::new(expected, self.entry(key)?));
            }
        }
        Ok(())
    }

    fn entry(&self, key: &str) -> Result<&str> {
        let entry = self.metadata.get(key).map(String::as_str);
        entry.ok_or_else(|| Error::new(format!("the metadata entry {key:?}"), "none"))
    }

    fn require(&self, key: &str, value: &str) -> Result<()> {
        let found = self.entry(key)?;
        if found == value {
            return Ok(());
        }
        Err(Error::new(format!("{key} = {value:?}"), format!("{found:?}")))
    }

    fn count(&self, key: &str) -> Result<usize> {
        let text = self.entry(key)?;
        let number = text.parse().ok();
        number.ok_or_else(|| Error::new(format!("a number as {key}"), format!("{text:?}")))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, key: &str, kind: &str) -> Result<T> {
        let text = self.entry(key)?;
        content::json(text.as_bytes())
            .and_then(serde_json::from_value)
            .map_err(|error| Error::new(format!("{kind} as {key}"), format!("{error}")))
    }

    /// Files of other writers need not name a scheme: the forward pass is the plain one.
    fn scheme(&self) -> Result<Scheme> {
        let entry = |key| self.metadata.get(key).map(String::as_str);
        match entry("scheme") {
            None => Ok(Scheme::default()),
            Some(name) => Scheme::of_file(name, entry("pass")),
        }
    }

    fn attention(&self) -> Result<Attention> {
        match self.entry("attention")? {
            "bidirectional" => Ok(Attention::Bidirectional),
            "causal" => Ok(Attention::Causal),
            other => Err(Error::new("attention bidirectional or causal", format!("{other:?}"))),
        }
    }

    fn labels(&self) -> Result<Labels> {
        let word_orders = if self.metadata.contains_key("word_orders") {
            self.json("word_orders", "a JSON object of strings")?
        } else {
            BTreeMap::new()
        };
        Ok(Labels {
            input_names: self.json("input_names", "a JSON array of strings")?,
            output_names: self.json("output_names", "a JSON array of strings")?,
            channel_names: self.json("channel_names", "a JSON array of strings")?,
            depth: self.count("depth")?,
            source_sha256: self.entry("source_sha256")?.to_string(),
            word_orders,
        })
    }

    /// The vectors whose names begin like this.
    fn vectors(&self, prefix: &str) -> Result<BTreeMap<String, Vec<i64>>> {
        let names = self.tensors.names().into_iter().filter(|name| name.starts_with(prefix));
        names.map(|name| Ok((name.to_string(), self.integers(name)?))).collect()
    }

    fn tensor(&self, name: &str) -> Result<TensorView<'_>> {
        self.tensors.tensor(name).map_err(|_| Error::new(format!("the tensor {name}"), "none"))
    }

    fn dtype(&self) -> Result<Dtype> {
        match self.tensor("pos_embed.W_pos")?.dtype() {
            FileDtype::F32 => Ok(Dtype::F32),
            FileDtype::F16 => Ok(Dtype::F16),
            FileDtype::BF16 => Ok(Dtype::Bf16),
            FileDtype::F64 => Ok(Dtype::F64),
            other => Err(Error::new("F32, F16, BF16 or F64 weights", format!("{other:?}"))),
        }
    }

    fn numbers(&self, dtype: Dtype, name: &str, rank: usize) -> Result<(Vec<usize>, Vec<f64>)> {
        let view = self.tensor(name)?;
        let found = format!("{:?}", view.dtype());
        if found != file_dtype_name(dtype) {
            let expected = format!("{name} of dtype {}", file_dtype_name(dtype));
            return Err(Error::new(expected, found).hint("all weights of a model have one dtype"));
        }
        if view.shape().len() != rank {
            let expected = format!("{name} with {rank} dimensions");
            return Err(Error::new(expected, format!("shape {:?}", view.shape())));
        }
        Ok((view.shape().to_vec(), decode(dtype, view.data())))
    }

    fn array1(&self, dtype: Dtype, name: &str) -> Result<Array1<f64>> {
        Ok(Array1::from_vec(self.numbers(dtype, name, 1)?.1))
    }

    fn array2(&self, dtype: Dtype, name: &str) -> Result<Array2<f64>> {
        let (shape, numbers) = self.numbers(dtype, name, 2)?;
        let array = Array2::from_shape_vec((shape[0], shape[1]), numbers);
        array.map_err(|error| Error::message(format!("{name}: {error}")))
    }

    fn array3(&self, dtype: Dtype, name: &str) -> Result<Array3<f64>> {
        let (shape, numbers) = self.numbers(dtype, name, 3)?;
        let array = Array3::from_shape_vec((shape[0], shape[1], shape[2]), numbers);
        array.map_err(|error| Error::message(format!("{name}: {error}")))
    }

    fn block(&self, dtype: Dtype, l: usize) -> Result<Block> {
        let name = |tensor: &str| {
            debug_assert!(BLOCK_TENSORS.contains(&tensor));
            format!("blocks.{l}.{tensor}")
        };
        Ok(Block {
            w_q: self.array3(dtype, &name("attn.W_Q"))?,
            b_q: self.array2(dtype, &name("attn.b_Q"))?,
            w_k: self.array3(dtype, &name("attn.W_K"))?,
            b_k: self.array2(dtype, &name("attn.b_K"))?,
            w_v: self.array3(dtype, &name("attn.W_V"))?,
            b_v: self.array2(dtype, &name("attn.b_V"))?,
            w_o: self.array3(dtype, &name("attn.W_O"))?,
            b_o: self.array1(dtype, &name("attn.b_O"))?,
            w_in: self.array2(dtype, &name("mlp.W_in"))?,
            b_in: self.array1(dtype, &name("mlp.b_in"))?,
            w_out: self.array2(dtype, &name("mlp.W_out"))?,
            b_out: self.array1(dtype, &name("mlp.b_out"))?,
        })
    }

    fn integers(&self, name: &str) -> Result<Vec<i64>> {
        let view = self.tensor(name)?;
        if view.dtype() != FileDtype::I64 || view.shape().len() != 1 {
            let found = format!("{:?} {:?}", view.dtype(), view.shape());
            return Err(Error::new(format!("{name} as a vector of I64"), found));
        }
        let (chunks, _) = view.data().as_chunks::<8>();
        Ok(chunks.iter().map(|&chunk| i64::from_le_bytes(chunk)).collect())
    }

    fn positions(&self, name: &str) -> Result<Vec<usize>> {
        let position = |x: i64| {
            let found = || Error::new(format!("positions of 0 or more in {name}"), x.to_string());
            usize::try_from(x).map_err(|_| found())
        };
        self.integers(name)?.into_iter().map(position).collect()
    }
}

//! Which engine runs a model, and what a run may take.
//!
//! In: a model and, if somebody cares, an engine's name. Out: the engine, ready; or why it cannot be. Schemes
//! that go token by token, or stop by themselves, have an engine of their own.

use std::fmt;
use std::str::FromStr;

use super::{
    Decoder, Dense, Device, DeviceName, Effort, Engine, Halting, Incremental, Reference, Resident,
    Rule,
};
use crate::error::{Error, Result};
use crate::model::{Model, Pass};
use crate::progress::Progress;

/// The engines by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineKind {
    /// The fastest engine that accepts the model.
    #[default]
    Auto,
    /// [`Reference`].
    Reference,
    /// [`Resident`].
    Resident,
    /// [`Incremental`].
    Incremental,
    /// The resident engine as compute shaders.
    Gpu,
    /// [`Dense`].
    Dense,
}

impl EngineKind {
    /// All of them.
    pub const ALL: [EngineKind; 6] = [
        EngineKind::Auto,
        EngineKind::Reference,
        EngineKind::Resident,
        EngineKind::Incremental,
        EngineKind::Gpu,
        EngineKind::Dense,
    ];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Auto => "auto",
            EngineKind::Reference => "reference",
            EngineKind::Resident => "resident",
            EngineKind::Incremental => "incremental",
            EngineKind::Gpu => "gpu",
            EngineKind::Dense => "dense",
        }
    }

    /// What it is, in a line.
    pub fn about(self) -> &'static str {
        match self {
            EngineKind::Auto => "The fastest engine that accepts the model",
            EngineKind::Reference => "The literal forward pass",
            EngineKind::Resident => {
                "The forward pass, partially evaluated; refuses models that this could change"
            }
            EngineKind::Incremental => {
                "The resident engine, looking up only what can have changed; refuses models of more than two states"
            }
            EngineKind::Gpu => {
                "The resident engine on a GPU, as compute shaders; needs a build with `--features gpu`"
            }
            EngineKind::Dense => {
                "The literal forward pass on many assignments at once, on any device"
            }
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = EngineKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let names = EngineKind::ALL.map(EngineKind::name).join(", ");
            Error::new(format!("all, or engines of {names}"), format!("{name:?}"))
        })
    }
}

/// The engine, ready to run `model`; `progress` is told what else was tried, or what runs where.
///
/// [`EngineKind::Auto`] is the incremental engine where the model has two states, the resident one where
/// partial evaluation changes nothing, else the reference engine; on another device than the processor, the
/// dense engine.
///
/// ```
/// use circuit2tf::compile::{Options, compile};
/// use circuit2tf::run::{DeviceName, EngineKind, prepare};
///
/// let circuit = circuit2tf::family::generate("adder:3")?;
/// let model = compile(&circuit, "", &Options::default())?;
/// let engine = prepare(&model, EngineKind::Auto, DeviceName::Cpu, &())?;
/// assert_eq!(engine.name(), "incremental");
/// # Ok::<(), circuit2tf::Error>(())
/// ```
///
/// # Errors
/// The engine refuses the model, the device does not answer, this program was built without it, or the two do
/// not go together.
pub fn prepare<'m>(
    model: &'m Model,
    kind: EngineKind,
    device: DeviceName,
    progress: &dyn Progress,
) -> Result<Box<dyn Engine + 'm>> {
    match (kind, device) {
        // A scheme that has an engine of its own is run by that, whatever else is asked for.
        (kind, device) if model.scheme.pass() == Pass::Halting => {
            Ok(Box::new(prepare_halting(model, kind, device, Rule::Known)?))
        }
        (EngineKind::Dense, device) if model.scheme.is_parallel() => dense(model, device),
        (kind, DeviceName::Cpu) => on_processor(model, kind, progress),
        (EngineKind::Auto, device) => dense(model, device),
        (kind, device) => {
            let found = format!("--engine {kind} on {device}");
            Err(Error::new("--engine dense for another device than cpu", found))
        }
    }
}

fn dense(model: &Model, device: DeviceName) -> Result<Box<dyn Engine + '_>> {
    Ok(Box::new(Dense::new(model, &Device::open(device)?)?))
}

/// The engine on the processor; a scheme that has an engine of its own is run by that.
pub(crate) fn on_processor<'m>(
    model: &'m Model,
    kind: EngineKind,
    progress: &dyn Progress,
) -> Result<Box<dyn Engine + 'm>> {
    match model.scheme.pass() {
        Pass::Halting => {
            return Ok(Box::new(prepare_halting(model, kind, DeviceName::Cpu, Rule::Known)?));
        }
        Pass::Thoughts | Pass::Tokens => {
            if !matches!(kind, EngineKind::Auto | EngineKind::Reference) {
                progress.note(&format!("running the decoder: {kind} does not write tokens"));
            }
            return Ok(Box::new(Decoder::new(model)?));
        }
        Pass::Looped => {}
    }
    Ok(match kind {
        EngineKind::Auto => return fastest(model, progress),
        EngineKind::Reference => Box::new(Reference::new(model)?),
        EngineKind::Resident => Box::new(Resident::new(model)?),
        EngineKind::Incremental => Box::new(Incremental::new(model)?),
        EngineKind::Gpu => return gpu(model, progress),
        EngineKind::Dense => return dense(model, DeviceName::Cpu),
    })
}

fn fastest<'m>(model: &'m Model, progress: &dyn Progress) -> Result<Box<dyn Engine + 'm>> {
    match Resident::new(model) {
        Ok(engine) => Ok(match Incremental::of(engine) {
            Ok(engine) => Box::new(engine),
            Err(refused) => Box::new(refused.0),
        }),
        Err(refusal) => {
            let engine = Reference::new(model)?;
            progress.note(&format!("running the reference engine: {refusal}"));
            Ok(Box::new(engine))
        }
    }
}

#[cfg(feature = "gpu")]
fn gpu<'m>(model: &'m Model, progress: &dyn Progress) -> Result<Box<dyn Engine + 'm>> {
    let engine = super::gpu::Gpu::new(model)?;
    // Bits do not say what computed them.
    progress.note(&format!("running {}", engine.name()));
    Ok(Box::new(engine))
}

#[cfg(not(feature = "gpu"))]
fn gpu<'m>(_: &'m Model, _: &dyn Progress) -> Result<Box<dyn Engine + 'm>> {
    Err(Error::not_compiled_in("the engine gpu", "gpu"))
}

/// The gpu engine's name, which says on what device it runs.
///
/// # Errors
/// There is no device, or this program was built without the engine.
#[cfg(feature = "gpu")]
pub(crate) fn gpu_name() -> Result<String> {
    Ok(format!("gpu on {}", super::gpu::Device::open()?.adapter()))
}

/// See above.
#[cfg(not(feature = "gpu"))]
pub(crate) fn gpu_name() -> Result<String> {
    Err(Error::not_compiled_in("the engine gpu", "gpu"))
}

/// The engine, ready to run `model` until the rule stops it.
///
/// # Errors
/// As [`Halting::new`]; or the engine or device cannot be looked at between loops.
pub fn prepare_halting(
    model: &Model,
    kind: EngineKind,
    device: DeviceName,
    rule: Rule,
) -> Result<Halting<'_>> {
    match (kind, device) {
        (_, device) if device != DeviceName::Cpu => {
            Err(Error::new("--device cpu for a model that halts", device.to_string()))
        }
        (EngineKind::Auto, _) => Halting::new(model, rule),
        (EngineKind::Reference, _) => Halting::by_reference(model, rule),
        (EngineKind::Resident, _) => Halting::by_resident(model, rule),
        (kind, _) => Err(Error::new("the engine reference or resident", kind.to_string())
            .hint("a model that halts is looked at between loops")),
    }
}

/// What running may take, in seconds by estimate ([`Effort`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Of one assignment: it cannot be stopped in between, and ten seconds are as long as a person waits for
    /// what does not move.
    pub one: u64,
    /// Of all assignments together: ten minutes, after which a person wants to have been asked.
    pub all: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { one: 10, all: 600 }
    }
}

impl Budget {
    /// So many seconds, of which a single assignment may take all.
    pub fn of(seconds: u64) -> Self {
        Budget { one: seconds, all: seconds }
    }

    /// An error unless the engine can go through so many assignments.
    ///
    /// # Errors
    /// It takes longer, with what it takes; of the kind [`Kind::Unaffordable`](crate::Kind::Unaffordable).
    pub fn require(self, engine: &dyn Engine, n_assignments: u64) -> Result<()> {
        let n_loops = engine.model().n_loops;
        let effort = |n| Effort::new(engine, n, n_loops);
        let what = format!("a run of {n_assignments} assignments, {n_loops} loops each,");
        within(effort(n_assignments.min(1)), self.one, &what)?;
        within(effort(n_assignments), self.all, &what)
    }

    /// An error unless any work can be done in the time for all of it.
    ///
    /// # Errors
    /// As [`Budget::require`].
    pub fn require_effort(self, effort: Effort, what: &str) -> Result<()> {
        within(effort, self.all, what)
    }

    /// How many assignments the engine can go through.
    pub fn affordable(self, engine: &dyn Engine) -> u64 {
        Effort::new(engine, 1, engine.model().n_loops).fits(self.all)
    }
}

fn within(effort: Effort, seconds: u64, what: &str) -> Result<()> {
    effort.require(seconds, what).map_err(|error| {
        error.hint("--budget SECONDS allows more, --loops R and --samples N ask for less")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;
    use crate::model::{Dtype, Parts, Scheme};

    fn model() -> Model {
        compile(&generate("adder:2").unwrap(), "", &Options::default()).unwrap()
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in EngineKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "fast".parse::<EngineKind>().unwrap_err();
        assert!(error.to_string().contains("incremental"), "{error}");
    }

    #[test]
    fn the_fastest_engine_that_accepts_the_model_runs_it() {
        let auto = |model: &Model| {
            let engine = prepare(model, EngineKind::Auto, DeviceName::Cpu, &());
            engine.unwrap().name().to_string()
        };
        let model = model();
        assert_eq!(auto(&model), "incremental");
        let mut parts = model.clone().into_parts();
        parts.w_pos.mapv_inplace(|x| Dtype::F32.round(x * 0.3));
        assert_eq!(auto(&Model::new(parts).unwrap()), "reference");
        let halting = Parts { scheme: Scheme::UNIVERSAL, ..model.into_parts() };
        let model = Model::new(halting).unwrap();
        assert!(prepare(&model, EngineKind::Auto, DeviceName::Cpu, &()).is_err());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let model = model();
        assert!(prepare(&model, EngineKind::Resident, DeviceName::Metal, &()).is_err());
        for kind in [EngineKind::Incremental, EngineKind::Dense, EngineKind::Gpu] {
            assert!(prepare_halting(&model, kind, DeviceName::Cpu, Rule::FixedPoint).is_err());
        }
        let on_metal =
            prepare_halting(&model, EngineKind::Auto, DeviceName::Metal, Rule::FixedPoint);
        assert!(on_metal.is_err());
    }

    #[test]
    fn what_takes_too_long_says_so_before_it_is_begun() {
        let model = model();
        let engine = Reference::new(&model).unwrap();
        assert!(Budget::default().require(&engine, 16).is_ok());
        let error = Budget::of(0).require(&engine, 1).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Unaffordable);
        assert!(Budget::default().affordable(&engine) > 1 << 10);
    }
}

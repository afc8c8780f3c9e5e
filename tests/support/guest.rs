//! Components that offer what `stripe.wasm` offers and misbehave, made on the
//! spot: the contract of `wit/` around a core module of a few instructions.

use std::path::Path;

use stripe_harness::Connection;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, Instruction, MemorySection, MemoryType, Module,
    TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::KEY;

/// What a component's `request` does. Its `plan` always answers `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guest {
    Unreachable,
    DivideByZero,
    /// Calls itself without end.
    Recurse,
    Loop,
    /// Asks for memory until it is refused, and traps.
    Allocate,
    /// Asks for memory for ever.
    AllocateForEver,
    /// Says that its result is where there is no memory.
    ResultNowhere,
    /// Has a result that is none of the contract's.
    ResultOfNoCase,
    /// Is given no room for its arguments.
    ArgumentsNowhere,
}

/// Where the memory holds `plan`'s result, `{}`, and something that is no
/// result.
const PLANNED: i32 = 1024;
const TEXT: i32 = 1088;
const NO_CASE: i32 = 1152;

/// Where arguments are put, one after another.
const HEAP: i32 = 4096;

impl Guest {
    /// The component's bytes.
    pub(crate) fn component(self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        resolve.push_dir(wit).unwrap();
        let world = "package lowcode:hostile; world hostile {
            export lowcode:stripe/connections@0.1.0;
            export lowcode:stripe/requests@0.1.0;
            export lowcode:stripe/webhooks@0.1.0;
        }";
        let package = resolve.push_str("hostile.wit", world).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        let mut module = self.module();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        let mut encoder = ComponentEncoder::default()
            .module(&module)
            .unwrap()
            .validate(true);
        encoder.encode().unwrap()
    }

    /// The canonical ABI of the contract: a record too large for parameters is
    /// passed by its address, and so is a result.
    fn module(self) -> Vec<u8> {
        const FUNCTIONS: [(&str, u32); 10] = [
            ("cabi_realloc", 2),
            ("lowcode:stripe/requests@0.1.0#request", 1),
            ("lowcode:stripe/requests@0.1.0#stripe-request", 1),
            ("lowcode:stripe/requests@0.1.0#plan", 1),
            ("lowcode:stripe/connections@0.1.0#parse-connection", 0),
            ("lowcode:stripe/connections@0.1.0#check-connection", 1),
            ("lowcode:stripe/webhooks@0.1.0#construct-event", 3),
            ("lowcode:stripe/webhooks@0.1.0#parse-event-notification", 3),
            (
                "lowcode:stripe/webhooks@0.1.0#construct-event-without-verification",
                0,
            ),
            (
                "lowcode:stripe/webhooks@0.1.0#parse-event-notification-without-verification",
                0,
            ),
        ];
        let i32s = |count: usize| vec![ValType::I32; count];
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        for parameters in [2, 1, 4, 10] {
            types.ty().function(i32s(parameters), i32s(1));
        }
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        for (index, (name, kind)) in (0_u32..).zip(FUNCTIONS) {
            functions.function(kind);
            exports.export(name, ExportKind::Func, index);
        }
        exports.export("memory", ExportKind::Memory, 0);
        let bodies = [
            self.allocator(),
            self.misdeed(),
            vec![Instruction::Unreachable],
            vec![Instruction::I32Const(PLANNED)],
        ];
        // All others trap.
        let mut bodies = Vec::from(bodies);
        bodies.resize(FUNCTIONS.len(), vec![Instruction::Unreachable]);
        for body in bodies {
            let mut function = Function::new([]);
            for instruction in body.iter().chain([&Instruction::End]) {
                function.instruction(instruction);
            }
            code.function(&function);
        }
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 4,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut globals = GlobalSection::new();
        let next = GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        };
        globals.global(next, &ConstExpr::i32_const(HEAP));
        // Success, of the case "local", with a text and its length.
        let planned = [0, 1, TEXT, 2].map(i32::to_le_bytes).concat();
        let mut data = DataSection::new();
        for (at, bytes) in [
            (PLANNED, planned.as_slice()),
            (TEXT, b"{}"),
            (NO_CASE, &[9; 64]),
        ] {
            data.active(0, &ConstExpr::i32_const(at), bytes.iter().copied());
        }
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&memories)
            .section(&globals)
            .section(&exports)
            .section(&code)
            .section(&data);
        module.finish()
    }

    /// Hands out memory that is never taken back.
    fn allocator(self) -> Vec<Instruction<'static>> {
        use Instruction as I;
        if self == Guest::ArgumentsNowhere {
            return vec![I::I32Const(-16)];
        }
        vec![
            I::GlobalGet(0),
            // What comes next, at a multiple of eight.
            I::GlobalGet(0),
            I::LocalGet(3),
            I::I32Add,
            I::I32Const(7),
            I::I32Add,
            I::I32Const(-8),
            I::I32And,
            I::GlobalSet(0),
        ]
    }

    fn misdeed(self) -> Vec<Instruction<'static>> {
        use Instruction as I;
        let forever = |body: &[I<'static>]| {
            let mut all = vec![I::Loop(BlockType::Empty)];
            all.extend_from_slice(body);
            all.extend([I::Br(0), I::End, I::Unreachable]);
            all
        };
        match self {
            Guest::Unreachable | Guest::ArgumentsNowhere => vec![I::Unreachable],
            Guest::DivideByZero => vec![I::I32Const(1), I::I32Const(0), I::I32DivU],
            Guest::Recurse => vec![I::LocalGet(0), I::Call(1), I::I32Const(1), I::I32Add],
            Guest::Loop => forever(&[]),
            Guest::Allocate => forever(&[
                I::I32Const(1),
                I::MemoryGrow(0),
                I::I32Const(-1),
                I::I32Eq,
                I::If(BlockType::Empty),
                I::Unreachable,
                I::End,
            ]),
            Guest::AllocateForEver => forever(&[I::I32Const(1), I::MemoryGrow(0), I::Drop]),
            Guest::ResultNowhere => vec![I::I32Const(-16)],
            Guest::ResultOfNoCase => vec![I::I32Const(NO_CASE)],
        }
    }
}

/// A connection that no component was asked for.
pub(crate) fn unparsed(plugin: &stripe_harness::Plugin, parsed: &Connection) -> Connection {
    let record = parsed.record().clone();
    assert_eq!(record.secret_key.as_deref(), Some(KEY));
    plugin.connection(record).unwrap()
}

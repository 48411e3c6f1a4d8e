//! The program; everything is in the library, so that tests reach it without a process.

/// A round of the audit leaves holes in the heap, which the allocator of glibc keeps.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    webhook::main()
}

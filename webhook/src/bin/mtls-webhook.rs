//! The program; everything is in the library, so that tests reach it without a process.

fn main() -> std::process::ExitCode {
    webhook::main()
}

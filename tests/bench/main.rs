//! What `tests/bench/run` is made of: a load generator, servers to be compared with, and a table.
//!
//! It measures and prints; it asserts nothing, and no test runs it. Linux only.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod arguments;
mod capture;
mod load;
mod log_file;
mod publish;
mod regenerate;
mod render;
mod seed;
mod serve;
mod table;
mod talk;

use arguments::Arguments;

const USAGE: &str = "\
bench serve-bare --listen A --files DIR     hyper answering captured documents
bench serve-log --listen A --file FILE      204 after an fdatasync for each group
bench serve-nothing --listen A              204 at once
bench seed --folder DIR --articles N --feeds F --listen A --ops A
                                            a data folder and jarshy.toml
bench capture --address A --path P --files DIR
                                            a document with its headers, as files
bench await --address A --path P [--since NANOSECONDS] [--encoding E]
                                            milliseconds until a 200
bench load --address A (--path P [--unchanged] | --hits N) --pid PID --label L
                                            a closed loop, one line of numbers
bench publish --address A --ops A --token T --publishes N --label L
                                            from a 2xx to the 200 that contains it
bench render --entries N --milliseconds M --rounds R
                                            documents beside templates and the bare crates
bench regenerate --address A --feeds N --text T --since NANOSECONDS --label L
                                            milliseconds until every feed holds the text
bench table FILE                            the lines of load, publish and start in Markdown";

fn main() -> anyhow::Result<()> {
    let (command, arguments) = Arguments::read(std::env::args().skip(1))?;
    match command.as_str() {
        "serve-bare" => serve::bare(&arguments),
        "serve-log" => serve::log(&arguments),
        "serve-nothing" => serve::nothing(&arguments),
        "seed" => seed::seed(&arguments),
        "capture" => capture::capture(&arguments),
        "await" => capture::wait(&arguments),
        "load" => load::load(&arguments),
        "publish" => publish::publish(&arguments),
        "render" => render::render(&arguments),
        "regenerate" => regenerate::regenerate(&arguments),
        "table" => table::print(&arguments),
        // `cargo bench` without anything says what there is.
        _ => {
            println!("{USAGE}");
            Ok(())
        }
    }
}

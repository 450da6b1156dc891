fn main() {
    innkeeper_build::generate();
}

package main

// edition is the line that changes.
const edition = "first"

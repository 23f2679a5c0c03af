// Govips halves the PNG image on its standard input path and prints the size of
// what came out.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/davidbyttow/govips/v2/vips"
)

func main() {
	vips.LoggingSettings(nil, vips.LogLevelError)
	vips.Startup(nil)
	defer vips.Shutdown()
	img, err := vips.NewImageFromFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := img.Resize(0.5, vips.KernelLanczos3); err != nil {
		log.Fatal(err)
	}
	out, meta, err := img.ExportPng(vips.NewPngExportParams())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("/tmp/half.png", out, 0o600); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%dx%d png\n", meta.Width, meta.Height)
}

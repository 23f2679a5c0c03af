// Vipsformats halves the PNG that its argument names and makes WebP and AVIF of it, and
// draws an SVG with text: formats that libvips leaves to plugins and to fonts.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/davidbyttow/govips/v2/vips"
)

// svg is black text on white.
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40">
<rect width="200" height="40" fill="white"/>
<text x="10" y="30" font-size="24" font-family="sans-serif">fromscratch</text>
</svg>`

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
	webp, _, err := img.ExportWebp(vips.NewWebpExportParams())
	if err != nil {
		log.Fatal(err)
	}
	avif, _, err := img.ExportAvif(vips.NewAvifExportParams())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("webp:", size(webp), "avif:", size(avif), "svg text:", drawn())
}

// size reads an image back.
func size(data []byte) string {
	img, err := vips.NewImageFromBuffer(data)
	if err != nil {
		log.Fatal(err)
	}
	return fmt.Sprintf("%dx%d", img.Width(), img.Height())
}

// drawn says whether the text of the SVG is there: without a font nothing is drawn
// and nothing is said.
func drawn() bool {
	img, err := vips.NewImageFromBuffer([]byte(svg))
	if err != nil {
		log.Fatal(err)
	}
	mean, err := img.Average()
	if err != nil {
		log.Fatal(err)
	}
	return mean < 250 // of 255: white, apart from the letters
}

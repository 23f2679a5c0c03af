// Imagick turns the JPEG that its argument names into a PNG by ImageMagick 6, whose
// formats are modules, and reads it back.
package main

import (
	"fmt"
	"log"
	"os"

	"gopkg.in/gographics/imagick.v2/imagick"
)

func main() {
	imagick.Initialize()
	defer imagick.Terminate()
	wand := imagick.NewMagickWand()
	if err := wand.ReadImage(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	if err := wand.SetImageFormat("PNG"); err != nil {
		log.Fatal(err)
	}
	if err := wand.WriteImage("/tmp/picture.png"); err != nil {
		log.Fatal(err)
	}
	again := imagick.NewMagickWand()
	if err := again.ReadImage("/tmp/picture.png"); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%dx%d %s\n", again.GetImageWidth(), again.GetImageHeight(), again.GetImageFormat())
}

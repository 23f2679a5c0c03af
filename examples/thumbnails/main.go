// Thumbnails makes a small picture of one that it reads from stdin, with libvips.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/davidbyttow/govips/v2/vips"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	vips.LoggingSettings(nil, vips.LogLevelError)
	vips.Startup(nil)
	defer vips.Shutdown()
	picture, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	image, err := vips.NewThumbnailFromBuffer(picture, 120, 120, vips.InterestingCentre)
	if err != nil {
		return err
	}
	defer image.Close()
	small, _, err := image.ExportJpeg(nil)
	if err != nil {
		return err
	}
	_, err = out.Write(small)
	return err
}

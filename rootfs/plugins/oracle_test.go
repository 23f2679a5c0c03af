//go:build linux && amd64

package plugins

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// commands are commands of the host that open libraries while they run. {in} is a folder with a picture,
// which they can write to.
var commands = []string{
	"convert-im6.q16 {in}/in.png {in}/a.webp",
	"convert-im6.q16 -list format",
	"convert-im6.q16 {in}/in.svg {in}/a.pdf",
	"vips -l foreign",
	"vips heifsave {in}/in.png {in}/a.heic",
	"vips copy {in}/in.svg {in}/a.jpg",
	"iconv -f UTF-8 -t UTF-16 {in}/in.svg",
	"iconv -f SHIFT_JIS -t EUC-KR {in}/in.svg",
	"openssl list -providers -provider legacy",
	"openssl engine loader_attic",
	"getent hosts localhost",
	"getent passwd root",
	"gdalinfo {in}/in.png",
	"gdalsrsinfo EPSG:4326",
	"ffmpeg -y -i {in}/in.png {in}/b.gif",
	"ffmpeg -y -i {in}/in.svg {in}/b.png",
	"file {in}/in.png",
	"gdk-pixbuf-thumbnailer -s 16 {in}/in.xpm {in}/c.png",
	"dot -Tpng -o {in}/d.png {in}/in.dot",
	"gs -q -dNOPAUSE -dBATCH -sDEVICE=png16m -o {in}/e.png {in}/in.ps",
	"gst-inspect-1.0 --gst-disable-registry-fork audioconvert",
	"gio info {in}/in.png",
	"saslpluginviewer -c",
	"certutil -N -d sql:{in} --empty-password",
	"p11-kit list-modules",
	"kinit nobody@EXAMPLE.INVALID",
	"gphoto2 --list-cameras",
	"scanimage -L",
	"enchant-lsmod-2",
	"tesseract --list-langs",
	"fc-match sans",
	"gm convert {in}/in.png {in}/f.jpg",
	"espeak-ng -w {in}/a.wav hello",
	"curl -s https://127.0.0.1:1/",
	"pdftotext {in}/in.ps",
}

// LD_DEBUG shows what real programs open on the host. Resolve has to find all of it.
func TestHeavyOracleOpened(t *testing.T) {
	for _, line := range commands {
		t.Run(line, func(t *testing.T) {
			dir := t.TempDir()
			image(dir).texts(t)
			args := strings.Fields(strings.ReplaceAll(line, "{in}", dir))
			program, err := exec.LookPath(args[0])
			if err != nil {
				skip(t, args[0]+" is not installed")
			}
			c, _ := resolve(t, program, Options{})
			have := map[string]bool{}
			for _, o := range c.Objects {
				have[o.Real] = true
			}
			list := initialised(t, dir, program, args[1:])
			later := 0
			for _, name := range list {
				real, _, err := ldd.Follow(ldd.DirFS("/"), name)
				if err != nil || !have[real] {
					t.Errorf("%s is opened and was not found", name)
				}
				later++
			}
			t.Logf("%d objects are initialised, %d were found", later, len(c.Objects))
			if later == 0 {
				t.Error("the loader reported no objects")
			}
		})
	}
}

// initialised runs a program and returns the objects that its loader has initialised, see ld.so(8),
// LD_DEBUG. It ignores the program's output and exit code.
func initialised(t *testing.T, dir, program string, args []string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), maxRun)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"LD_DEBUG=files", "LD_DEBUG_OUTPUT=" + filepath.Join(dir, "ld"), "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		t.Fatal(err)
	}
	// Children are other programs and write files of their own.
	data, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("ld.%d", cmd.Process.Pid)))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var list []string
	for _, line := range strings.Split(string(data), "\n") {
		if _, name, ok := strings.Cut(line, "calling init: "); ok {
			list = append(list, name)
		}
	}
	return list
}

package rootfs

import (
	"archive/zip"
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The archive of time zones and the certificates may come from an unknown Builder image. The sizes that
// they claim must not decide how much memory is used.
func TestHostileZones(t *testing.T) {
	many := map[string]string{}
	for i := range maxZones + 1 {
		many[fmt.Sprintf("Etc/Z%d", i)] = "TZif"
	}
	for _, row := range []struct {
		name, root, zone, says string
	}{
		{"a large zone", goroot(t, map[string]string{"UTC": "TZif" + strings.Repeat("\x00", maxZone)}), "UTC", "more than"},
		{"a zone that claims a terabyte", claimingGOROOT(t, 1<<40), "UTC", "no such zone"},
		{"all zones, one of them large", goroot(t, map[string]string{"UTC": "TZif" + strings.Repeat("\x00", maxZone)}), allZones, "more than"},
		{"too many zones", goroot(t, many), allZones, "more than"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Assemble(context.Background(), Spec{GOROOT: row.root, Timezones: []string{row.zone}})
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// claimingGOROOT makes a GOROOT with a zone of a few bytes that claims to have size bytes.
func claimingGOROOT(t *testing.T, size uint64) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "lib/time/zoneinfo.zip", "", 0o644)
	f, err := os.Create(filepath.Join(dir, "lib/time/zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	content := []byte("TZif")
	z, err := w.CreateRaw(&zip.FileHeader{Name: "UTC", Method: zip.Store, CompressedSize64: uint64(len(content)), UncompressedSize64: size, CRC32: crc32.ChecksumIEEE(content)})
	if err == nil {
		_, err = z.Write(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A sparse bundle of a terabyte is rejected without reading it all.
func TestHostileBundle(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(file, []byte("-----BEGIN"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 1<<40); err != nil {
		skip(t, err.Error())
	}
	for name, read := range map[string]func(string) ([]byte, error){"bundle": readBundle, "extra": readExtra} {
		if _, err := read(file); err == nil || !strings.Contains(err.Error(), "more than") || !strings.Contains(err.Error(), "fix: ") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

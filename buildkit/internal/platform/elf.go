package platform

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// HeaderSize is how many bytes of an ELF file [OfELF] reads.
const HeaderSize = 20

// OfELF returns the GOARCH of an ELF program from the first bytes of its file, see elf(5). It reads nothing else of the
// file: the header alone decides whether the kernel runs it.
func OfELF(head [HeaderSize]byte) (arch string, err error) {
	if string(head[:4]) != elf.ELFMAG {
		return "", errors.New("it is not an ELF program for Linux")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	m := machine{elf.Machine(order.Uint16(head[18:])), elf.Class(head[elf.EI_CLASS]), elf.Data(head[elf.EI_DATA])}
	if arch = machines[m]; arch == "" {
		return "", fmt.Errorf("it is for %s, which Go does not support", m.Machine)
	}
	return arch, nil
}

// machine is an architecture in an ELF header.
type machine struct {
	elf.Machine
	elf.Class
	elf.Data
}

// machines maps ELF headers to the values of GOARCH (cmd/link/internal/ld/elf.go).
var machines = map[machine]string{
	{elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB}:       "386",
	{elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB}:    "amd64",
	{elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB}:       "arm",
	{elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB}:   "arm64",
	{elf.EM_LOONGARCH, elf.ELFCLASS64, elf.ELFDATA2LSB}: "loong64",
	{elf.EM_MIPS, elf.ELFCLASS32, elf.ELFDATA2MSB}:      "mips",
	{elf.EM_MIPS, elf.ELFCLASS64, elf.ELFDATA2MSB}:      "mips64",
	{elf.EM_MIPS, elf.ELFCLASS64, elf.ELFDATA2LSB}:      "mips64le",
	{elf.EM_MIPS, elf.ELFCLASS32, elf.ELFDATA2LSB}:      "mipsle",
	{elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2MSB}:     "ppc64",
	{elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB}:     "ppc64le",
	{elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB}:     "riscv64",
	{elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB}:      "s390x",
}

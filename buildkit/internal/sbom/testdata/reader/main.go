// Reader checks bills of materials with code that was not used to write them: CycloneDX with its JSON schema, SPDX with
// the types of sigs.k8s.io/bom.
//
//	reader cyclonedx FOLDER-OF-SCHEMAS FILE
//	reader spdx FILE
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/xeipuuv/gojsonschema"
	v23 "sigs.k8s.io/bom/pkg/spdx/json/v2.3"
)

func main() {
	var err error
	switch os.Args[1] {
	case "cyclonedx":
		err = cyclonedx(os.Args[2], os.Args[3])
	case "spdx":
		err = readSPDX(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cyclonedx prints where the document does not match the schema.
func cyclonedx(dir, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	// The schema refers to two others by address. They are loaded from files instead.
	loader := gojsonschema.NewSchemaLoader()
	for address, name := range map[string]string{
		"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		if err := loader.AddSchema(address, gojsonschema.NewReferenceLoader("file://"+filepath.Join(dir, name))); err != nil {
			return err
		}
	}
	schema, err := loader.Compile(gojsonschema.NewReferenceLoader("file://" + filepath.Join(dir, "bom-1.6.schema.json")))
	if err != nil {
		return err
	}
	result, err := schema.Validate(gojsonschema.NewReferenceLoader("file://" + file))
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range result.Errors() {
		errs = append(errs, errors.New(e.String()))
	}
	return errors.Join(errs...)
}

// readSPDX prints a line for each package and file, with its checksum.
func readSPDX(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc v23.Document
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	known, contained := map[string]bool{doc.ID: true}, map[string]int{}
	for _, p := range doc.Packages {
		known[p.ID] = true
	}
	for _, f := range doc.Files {
		known[f.ID] = true
	}
	var errs []error
	for _, r := range doc.Relationships {
		if !known[r.Element] || !known[r.Related] {
			errs = append(errs, fmt.Errorf("the relationship %s %s %s refers to an unknown element", r.Element, r.Type, r.Related))
		}
		if r.Type == "CONTAINS" {
			contained[r.Related]++
		}
	}
	for _, p := range doc.Packages {
		fmt.Println("package", p.Name, p.Version, p.LicenseDeclared)
	}
	for _, f := range doc.Files {
		if contained[f.ID] != 1 {
			errs = append(errs, fmt.Errorf("%s is in %d packages", f.Name, contained[f.ID]))
		}
		for _, sum := range f.Checksums {
			if sum.Algorithm == "SHA256" {
				fmt.Println("file", sum.Value, f.Name)
			}
		}
	}
	return errors.Join(errs...)
}

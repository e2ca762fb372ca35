// Makes databases for grype (schema 6) and trivy (schema 2) from lines of
//
//	id <tab> source package <tab> Debian release <tab> fixed version, empty where there is none
//
// so that both can be asked about an image offline:
//
//	cd scripts/scanner-databases && go build -mod=mod -o scanner-databases . && ./scanner-databases FOLDER < lines
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/spf13/afero"
	bolt "go.etcd.io/bbolt"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	out := os.Args[1]
	g := filepath.Join(out, "grype", "6")
	must(os.MkdirAll(g, 0o755))
	w, err := v6.NewWriter(v6.Config{DBDirPath: g})
	must(err)
	now := time.Now()
	p := &v6.Provider{ID: "debian", Version: "1", Processor: "test", DateCaptured: &now, InputDigest: "sha256:0"}
	must(w.AddProvider(*p))
	t := filepath.Join(out, "trivy", "db")
	must(os.MkdirAll(t, 0o755))
	db, err := bolt.Open(filepath.Join(t, "trivy.db"), 0o644, nil)
	must(err)
	tx, err := db.Begin(true)
	must(err)
	vb, err := tx.CreateBucketIfNotExists([]byte("vulnerability"))
	must(err)
	ds, err := tx.CreateBucketIfNotExists([]byte("data-source"))
	must(err)
	var vulns []*v6.VulnerabilityHandle
	var affs []*v6.AffectedPackageHandle
	n := 0
	sc := bufio.NewScanner(os.Stdin)
	for sc.Scan() {
		f := strings.Split(sc.Text(), "\t")
		id, src, rel, fixed := f[0], f[1], f[2], f[3]
		v := &v6.VulnerabilityHandle{Name: id, Status: v6.VulnerabilityActive, Provider: p, ProviderID: "debian", BlobValue: &v6.VulnerabilityBlob{ID: id}}
		os_ := &v6.OperatingSystem{Name: "debian", ReleaseID: "debian", MajorVersion: rel, Codename: map[string]string{"11": "bullseye", "12": "bookworm", "13": "trixie"}[rel]}
		constraint, fix := "", &v6.Fix{State: v6.NotFixedStatus}
		if fixed != "" {
			constraint = "< " + fixed
			fix = &v6.Fix{Version: fixed, State: v6.FixedStatus}
		}
		vulns = append(vulns, v)
		affs = append(affs, &v6.AffectedPackageHandle{Vulnerability: v, OperatingSystem: os_, Package: &v6.Package{Ecosystem: "deb", Name: src},
			BlobValue: &v6.PackageBlob{CVEs: []string{id}, Ranges: []v6.Range{{Version: v6.Version{Type: "deb", Constraint: constraint}, Fix: fix}}}})
		b, err := tx.CreateBucketIfNotExists([]byte("debian " + rel))
		must(err)
		pb, err := b.CreateBucketIfNotExists([]byte(src))
		must(err)
		adv, _ := json.Marshal(map[string]string{"FixedVersion": fixed})
		must(pb.Put([]byte(id), adv))
		det, _ := json.Marshal(map[string]string{"Title": id, "Severity": "HIGH"})
		must(vb.Put([]byte(id), det))
		src_, _ := json.Marshal(map[string]string{"ID": "debian", "Name": "Debian Security Tracker", "URL": ""})
		must(ds.Put([]byte("debian "+rel), src_))
		n++
	}
	must(tx.Commit())
	must(db.Close())
	meta, _ := json.Marshal(map[string]any{"Version": 2, "NextUpdate": now.Add(240 * time.Hour), "UpdatedAt": now, "DownloadedAt": now})
	must(os.WriteFile(filepath.Join(t, "metadata.json"), meta, 0o644))
	for i := 0; i < len(vulns); i += 500 {
		e := min(i+500, len(vulns))
		must(w.AddVulnerabilities(vulns[i:e]...))
		must(w.AddAffectedPackages(affs[i:e]...))
	}
	must(w.SetDBMetadata())
	must(w.Close())
	_, err = v6.WriteImportMetadata(afero.NewOsFs(), g, "local")
	must(err)
	fmt.Println(n, "rows")
}

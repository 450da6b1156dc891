// Check refuses what a service must not use, with its place: what a component has not (time, chance, files, goroutines, output),
// and what is not the same every time (the order of a map). `inn build` runs it on the packages of the author's module.
//
//   - Types decide, not names: a map behind a type of one's own is one, a method called Now of one's own is none.
//   - Only the author's module is looked at, without its tests. Of what a dependency does the host's laws are a check
//     (`inn check`); time and chance are constants to it.
//   - A range over a map whose order makes no difference is allowed by a comment: //innkeeper:unordered.
//   - An event that a handler accepts and that has no Evolve is told here, as Go's types cannot.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
)

// pkg is one of the packages that the service is made of. Those with files are checked.
type pkg struct {
	Path   string   `json:"path"`
	Export string   `json:"export"`
	Files  []string `json:"files"`
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	var packages []pkg
	if err == nil {
		err = json.Unmarshal(text, &packages)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(2)
	}
	c := newChecker(packages)
	for _, p := range packages {
		if len(p.Files) == 0 {
			continue
		}
		if err := c.check(p); err != nil {
			fmt.Fprintln(os.Stderr, "check:", err)
			os.Exit(2)
		}
	}
	if problems := c.report(); len(problems) > 0 {
		for _, problem := range problems {
			fmt.Fprintln(os.Stderr, problem)
		}
		os.Exit(1)
	}
}

// unordered allows a range over a map, at the end of its line or on the line before.
const unordered = "//innkeeper:unordered"

type checker struct {
	fset     *token.FileSet
	config   types.Config
	problems []problem
	// Events that are accepted, with their first place, and those that have an Evolve; by full name of their types.
	accepted map[string]token.Pos
	evolved  map[string]bool
}

type problem struct {
	at   token.Pos
	text string
}

func newChecker(packages []pkg) *checker {
	exports := make(map[string]string, len(packages))
	for _, p := range packages {
		exports[p.Path] = p.Export
	}
	fset := token.NewFileSet()
	open := func(path string) (io.ReadCloser, error) {
		file, known := exports[path]
		if !known || file == "" {
			return nil, fmt.Errorf("no types of %s", path)
		}
		return os.Open(file)
	}
	return &checker{
		fset:     fset,
		config:   types.Config{Importer: importer.ForCompiler(fset, "gc", open), Sizes: types.SizesFor("gc", "wasm")},
		accepted: map[string]token.Pos{},
		evolved:  map[string]bool{},
	}
}

func (c *checker) check(p pkg) error {
	var files []*ast.File
	for _, name := range p.Files {
		file, err := parser.ParseFile(c.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	info := &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Uses:       map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Instances:  map[*ast.Ident]types.Instance{},
	}
	if _, err := c.config.Check(p.Path, c.fset, files, info); err != nil {
		return err
	}
	for _, file := range files {
		(&walk{checker: c, info: info, allowed: c.allowedLines(file)}).file(file)
	}
	return nil
}

// allowedLines are the lines with the comment, and those after them.
func (c *checker) allowedLines(file *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, unordered) {
				line := c.fset.Position(comment.Pos()).Line
				lines[line], lines[line+1] = true, true
			}
		}
	}
	return lines
}

func (c *checker) report() []string {
	for name, at := range c.accepted {
		if !c.evolved[name] {
			short := name[strings.LastIndex(name, ".")+1:]
			c.refuse(at, "event "+short+" has no evolve: eventsourced.New takes an Evolve for each event that is accepted")
		}
	}
	sort.SliceStable(c.problems, func(i, j int) bool { return c.problems[i].at < c.problems[j].at })
	lines := make([]string, len(c.problems))
	for i, problem := range c.problems {
		lines[i] = c.fset.Position(problem.at).String() + ": " + problem.text
	}
	return slices.Compact(lines)
}

func (c *checker) refuse(at token.Pos, text string) {
	c.problems = append(c.problems, problem{at, text})
}

type walk struct {
	*checker
	info    *types.Info
	allowed map[int]bool
	// Calls whose order is lost at once.
	sorted map[*ast.CallExpr]bool
}

func (w *walk) file(file *ast.File) {
	w.sorted = map[*ast.CallExpr]bool{}
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if why := refusedImport(path); why != "" {
			w.refuse(spec.Pos(), path+" is not available in a service: "+why)
		}
	}
	ast.Inspect(file, w.node)
}

func (w *walk) node(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.GoStmt:
		w.refuse(node.Pos(), "goroutines are not available in a service: a handler answers at once")
	case *ast.SelectStmt:
		w.refuse(node.Pos(), "select is not available in a service: it takes what comes first, which is not the same every time")
	case *ast.RangeStmt:
		w.ranged(node)
	case *ast.CallExpr:
		w.call(node)
	case *ast.Ident:
		w.used(node)
		if instance, is := w.info.Instances[node]; is && isSDK(w.info.Uses[node], "Evolve") {
			w.evolved[instance.TypeArgs.At(1).String()] = true
		}
	}
	return true
}

func (w *walk) ranged(node *ast.RangeStmt) {
	if !hasMap(w.info.TypeOf(node.X)) || w.allowed[w.fset.Position(node.Pos()).Line] {
		return
	}
	w.refuse(node.Pos(), "the order of a map is another every time: range over slices.Sorted(maps.Keys(m)), "+
		"or say "+unordered+" where it makes no difference")
}

// hasMap tells whether a type is a map, or a type parameter that may be one.
func hasMap(t types.Type) bool {
	if parameter, is := t.(*types.TypeParam); is {
		union := parameter.Constraint().Underlying().(*types.Interface)
		for i := range union.NumEmbeddeds() {
			terms, is := union.EmbeddedType(i).(*types.Union)
			if !is {
				if hasMap(union.EmbeddedType(i)) {
					return true
				}
				continue
			}
			for j := range terms.Len() {
				if hasMap(terms.Term(j).Type()) {
					return true
				}
			}
		}
		return false
	}
	_, is := t.Underlying().(*types.Map)
	return is
}

func (w *walk) call(node *ast.CallExpr) {
	callee := w.callee(node.Fun)
	if builtin, is := callee.(*types.Builtin); is && (builtin.Name() == "print" || builtin.Name() == "println") {
		w.refuse(node.Pos(), builtin.Name()+noOutput)
	}
	function, is := callee.(*types.Func)
	if !is || function.Pkg() == nil {
		return
	}
	switch path, name := function.Pkg().Path(), function.Name(); {
	case path == "slices" && strings.HasPrefix(name, "Sorted"), path == "maps" && (name == "Collect" || name == "Insert"):
		for _, argument := range node.Args {
			if inner, is := ast.Unparen(argument).(*ast.CallExpr); is {
				w.sorted[inner] = true
			}
		}
	case path == "maps" && (name == "Keys" || name == "Values" || name == "All"):
		if !w.sorted[node] && !w.allowed[w.fset.Position(node.Pos()).Line] {
			w.refuse(node.Pos(), "the order of maps."+name+" is another every time: give it to slices.Sorted at once, "+
				"or say "+unordered+" where it makes no difference")
		}
	case path == "innkeeper/eventsourced" && name == "Accept":
		w.accepts(node)
	}
}

func (w *walk) accepts(node *ast.CallExpr) {
	for _, argument := range node.Args {
		pointer, is := w.info.TypeOf(argument).(*types.Pointer)
		if !is {
			continue
		}
		if name := pointer.String(); w.accepted[name] == token.NoPos {
			w.accepted[name] = argument.Pos()
		}
	}
}

func (w *walk) callee(fun ast.Expr) types.Object {
	switch fun := ast.Unparen(fun).(type) {
	case *ast.Ident:
		return w.info.Uses[fun]
	case *ast.SelectorExpr:
		return w.info.Uses[fun.Sel]
	case *ast.IndexExpr:
		return w.callee(fun.X)
	case *ast.IndexListExpr:
		return w.callee(fun.X)
	}
	return nil
}

const noOutput = " is not available in a service: a component has no output; use c.Info() and the like, or log"

func (w *walk) used(ident *ast.Ident) {
	object := w.info.Uses[ident]
	function, is := object.(*types.Func)
	if !is || function.Pkg() == nil {
		return
	}
	path, name := function.Pkg().Path(), function.Name()
	receiver := ""
	if recv := function.Signature().Recv(); recv != nil {
		receiver = types.TypeString(recv.Type(), func(*types.Package) string { return "" })
	}
	full := strings.TrimPrefix(receiver, "*") + "." + name
	if receiver == "" {
		full = name
	}
	if why := refusedUse(path, full); why != "" {
		w.refuse(ident.Pos(), function.Pkg().Name()+"."+full+why)
	}
}

func isSDK(object types.Object, name string) bool {
	return object != nil && object.Pkg() != nil && object.Pkg().Path() == "innkeeper/eventsourced" && object.Name() == name
}

// refusedImport says why a package cannot be had, or "".
func refusedImport(path string) string {
	switch path {
	case "os", "io/ioutil", "plugin", "syscall", "syscall/js", "net", "crypto/tls", "database/sql", "path/filepath":
		return "a component has no system"
	case "crypto/rand":
		return "use c.RandomBytes(), which is in the journal"
	case "testing", "expvar":
		return "it is for programs"
	case "unsafe", "C":
		return "memory is the SDK's"
	case "runtime":
		return "what it tells is not the same every time"
	}
	for _, prefix := range []string{"os/", "net/http", "net/rpc", "net/smtp", "log/syslog", "runtime/", "testing/"} {
		if strings.HasPrefix(path, prefix) {
			return "a component has no system"
		}
	}
	return ""
}

// refusedUse says why a function or a method cannot be used, or "".
func refusedUse(path, name string) string {
	const no = " is not available in a service: "
	switch path {
	case "time":
		switch name {
		case "Now", "Since", "Until":
			return no + "use c.Now(), milliseconds since 1970"
		case "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker":
			return no + "a handler answers at once"
		case "LoadLocation", "Time.Local":
			return no + "a component has no time zones but UTC and time.FixedZone"
		}
	case "math/rand", "math/rand/v2":
		// Sources of one's own are as good as their seed.
		if !strings.HasPrefix(name, "New") && !strings.Contains(name, ".") {
			return no + "use c.Random()"
		}
	case "fmt":
		switch name {
		case "Print", "Printf", "Println", "Scan", "Scanf", "Scanln":
			return noOutput
		}
	case "log":
		switch strings.TrimPrefix(name, "Logger.") {
		case "Fatal", "Fatalf", "Fatalln":
			return no + "it ends a process; refuse, or panic"
		}
	case "hash/maphash":
		if name == "MakeSeed" {
			return no + "it is not the same every time"
		}
	case "reflect":
		switch name {
		case "Value.MapRange", "Value.MapKeys", "Value.Seq", "Value.Seq2":
			return no + "the order of a map is another every time"
		}
	case "sync":
		if name == "Map.Range" {
			return no + "the order of a map is another every time"
		}
	}
	return ""
}

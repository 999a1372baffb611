/**
 * What runs in the page: makes a view of each figure that has none yet. Kept as text, because it goes into a report, and
 * plain, because nothing compiles it.
 */
export const viewerProgram = `
(function () {
  function atomsOf(frame) {
    var atoms = frame.e.map(function (element, i) {
      return { elem: element, serial: i, index: i, x: frame.p[3 * i], y: frame.p[3 * i + 1], z: frame.p[3 * i + 2], bonds: [], bondOrder: [] };
    });
    for (var k = 0; k < frame.b.length; k += 3) {
      var from = frame.b[k], to = frame.b[k + 1], order = frame.b[k + 2];
      atoms[from].bonds.push(to);
      atoms[from].bondOrder.push(order);
      atoms[to].bonds.push(from);
      atoms[to].bondOrder.push(order);
    }
    return atoms;
  }
  function start(figure) {
    figure.dataset.started = "yes";
    var frames = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    var viewer = $3Dmol.createViewer(figure.querySelector(".dg-canvas"), { backgroundColor: "#f6f7f9" });
    if (!viewer) return;
    var model = null;
    function show(index) {
      if (model) viewer.removeModel(model);
      model = viewer.addModel();
      model.addAtoms(atomsOf(frames[index]));
      model.setStyle({}, { stick: { radius: 0.14, colorscheme: "Jmol" }, sphere: { scale: 0.24, colorscheme: "Jmol" } });
      viewer.render();
      figure.dataset.frame = String(index);
    }
    show(frames.length - 1);
    viewer.zoomTo();
    viewer.zoom(1.3);
    viewer.render();
    figure.dgViewer = viewer;
    var slider = figure.querySelector(".dg-frame");
    var button = figure.querySelector(".dg-play");
    if (!slider || !button) return;
    var timer = 0;
    function stop() {
      clearInterval(timer);
      timer = 0;
      button.textContent = "Play";
    }
    slider.addEventListener("input", function () {
      stop();
      show(Number(slider.value));
    });
    button.addEventListener("click", function () {
      if (timer) return stop();
      if (Number(slider.value) === frames.length - 1) slider.value = "0";
      show(Number(slider.value));
      button.textContent = "Pause";
      timer = setInterval(function () {
        slider.value = String(Number(slider.value) + 1);
        show(Number(slider.value));
        if (Number(slider.value) === frames.length - 1) stop();
      }, 100);
    });
  }
  document.querySelectorAll(".dg-molecule").forEach(function (figure) {
    if (!figure.dataset.started) start(figure);
  });
})();
`;

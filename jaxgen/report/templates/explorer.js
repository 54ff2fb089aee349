"use strict";
(() => {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const sheet = document.getElementById("sheet");
  const plane = document.getElementById("plane");
  const decoded = document.getElementById("decoded");
  const place = { x: document.getElementById("latent-x"), y: document.getElementById("latent-y") };
  const near = document.getElementById("near");
  const spoken = document.getElementById("spoken");
  const { x: xs, y: ys, points, classes } = data;
  const columns = xs.length, rows = ys.length;
  const apart = (values) => values.length > 1 ? Math.abs(values[1] - values[0]) : 1;
  const dx = apart(xs), dy = apart(ys);
  // The plane ends half a cell beyond the outermost latents.
  const left = xs[0] - dx / 2, top = ys[0] + dy / 2;
  const across = columns * dx, down = rows * dy;
  plane.style.setProperty("--aspect", Math.min(1.35, Math.max(0.85, across / down)));

  const pen = plane.getContext("2d");
  const layer = document.createElement("canvas");
  const brush = layer.getContext("2d");
  const frame = decoded.getContext("2d", { willReadFrequently: true });
  const scale = Math.max(1, Math.floor(448 / data.width));
  decoded.width = data.width * scale;
  decoded.height = data.height * scale;

  let width = 0, height = 0, picked = -1, told = 0;
  let cell = { column: 0, row: 0 };
  const toX = (x) => (x - left) / across * width;
  const toY = (y) => (top - y) / down * height;
  const say = (value) => value.toFixed(2).replace("-", "\u2212");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const night = matchMedia("(prefers-color-scheme: dark)");
  const tint = (group) => night.matches ? group.night : group.colour;
  const within = (value, count) => Math.min(count - 1, Math.max(0, value));

  function ticks(low, high) {
    const rough = (high - low) / 6, unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 5, 10].find((k) => k * unit >= rough);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }

  function drawPoints() {
    dots.forEach((dot, i) => { dot.style.background = tint(classes[i]); });
    const ratio = devicePixelRatio || 1;
    width = plane.clientWidth; height = plane.clientHeight;
    for (const canvas of [plane, layer]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.font = "12px " + colour("--sans");
    brush.lineWidth = 1;
    const label = (value, digits) => value.toFixed(digits).replace("-", "\u2212");
    const horizontal = ticks(left, left + across), vertical = ticks(top - down, top);
    brush.strokeStyle = colour("--grid");
    brush.beginPath();
    for (const x of horizontal.found) { brush.moveTo(toX(x), 0); brush.lineTo(toX(x), height); }
    for (const y of vertical.found) { brush.moveTo(0, toY(y)); brush.lineTo(width, toY(y)); }
    brush.stroke();
    const size = Math.max(1.6, Math.min(3.4, 75 / Math.sqrt(points.x.length || 1)));
    points.x.forEach((x, i) => {
      const mine = points.label[i];
      brush.globalAlpha = picked < 0 || picked === mine ? 0.85 : 0.08;
      brush.fillStyle = mine < 0 ? colour("--dot") : tint(classes[mine]);
      brush.beginPath();
      brush.arc(toX(x), toY(points.y[i]), size, 0, 7);
      brush.fill();
    });
    brush.globalAlpha = 1;
    brush.fillStyle = colour("--muted");
    brush.strokeStyle = colour("--card");
    brush.lineWidth = 3;
    const write = (text, x, y) => { brush.strokeText(text, x, y); brush.fillText(text, x, y); };
    brush.textAlign = "center";
    for (const x of horizontal.found) {
      if (toX(x) > 30 && toX(x) < width - 60) write(label(x, horizontal.digits), toX(x), height - 6);
    }
    brush.textAlign = "left";
    for (const y of vertical.found) {
      if (toY(y) > 26 && toY(y) < height - 24) write(label(y, vertical.digits), 4, toY(y) - 4);
    }
    write("latent 2", 4, 14);
    brush.textAlign = "right";
    write("latent 1", width - 4, height - 6);
    show();
  }

  function neighbours(x, y) {
    const order = points.x.map((px, i) => [(px - x) ** 2 + (points.y[i] - y) ** 2, points.label[i]]);
    order.sort((a, b) => a[0] - b[0]);
    const counts = new Map();
    for (const [, label] of order.slice(0, 12)) counts.set(label, (counts.get(label) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  function show() {
    const x = xs[cell.column], y = ys[cell.row];
    pen.clearRect(0, 0, width, height);
    pen.drawImage(layer, 0, 0, width, height);
    const box = [toX(x - dx / 2), toY(y + dy / 2), dx / across * width, dy / down * height];
    pen.strokeStyle = colour("--card");
    pen.lineWidth = 5;
    pen.strokeRect(...box);
    pen.strokeStyle = colour("--accent");
    pen.lineWidth = 2;
    pen.strokeRect(...box);

    frame.imageSmoothingEnabled = false;
    frame.drawImage(sheet, cell.column * data.width, cell.row * data.height, data.width,
      data.height, 0, 0, decoded.width, decoded.height);
    place.x.textContent = say(x);
    place.y.textContent = say(y);
    decoded.setAttribute("aria-label", `Decoded image at latent 1 = ${say(x)}, latent 2 = ${say(y)}`);
    let words = "";
    if (classes.length) {
      const found = neighbours(x, y);
      near.replaceChildren(...found.map(([label, count]) => {
        const part = document.createElement("span");
        part.style.flex = count;
        part.style.background = tint(classes[label]);
        part.style.color = dark(tint(classes[label])) ? "#fff" : "#1c1d21";
        part.textContent = classes[label].name;
        part.title = `${classes[label].name}: ${count}`;
        return part;
      }));
      words = "; nearest test images: " + found.map(([label, count]) => `${count} of class ${classes[label].name}`).join(", ");
    }
    clearTimeout(told);
    told = setTimeout(() => { spoken.textContent = decoded.getAttribute("aria-label") + words; }, 400);
  }

  function dark(hex) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return 0.299 * r + 0.587 * g + 0.114 * b < 140;
  }

  function go(column, row) {
    const next = { column: within(column, columns), row: within(row, rows) };
    if (next.column === cell.column && next.row === cell.row) return;
    cell = next;
    show();
  }

  function follow(event) {
    const box = plane.getBoundingClientRect();
    go(Math.floor((event.clientX - box.left) / box.width * columns),
      Math.floor((event.clientY - box.top) / box.height * rows));
  }
  plane.addEventListener("pointermove", follow);
  plane.addEventListener("pointerdown", follow);
  plane.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? 4 : 1;
    const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    go(cell.column + move[0], cell.row + move[1]);
  });

  const dots = [];
  const legend = document.getElementById("legend");
  classes.forEach((group, index) => {
    const button = document.createElement("button");
    const dot = document.createElement("i");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(dot, group.name);
    dots.push(dot);
    button.addEventListener("click", () => {
      picked = picked === index ? -1 : index;
      [...legend.children].forEach((other, i) => other.setAttribute("aria-pressed", String(i === picked)));
      drawPoints();
    });
    legend.append(button);
  });
  if (!classes.length) document.getElementById("near-row").remove();

  // Begin in the middle of the crowd, where the decoder is at home.
  const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
  if (points.x.length) {
    cell = {
      column: within(Math.floor((middle(points.x) - left) / dx), columns),
      row: within(Math.floor((top - middle(points.y)) / dy), rows),
    };
  } else {
    cell = { column: columns >> 1, row: rows >> 1 };
  }
  sheet.decode().then(() => {
    new ResizeObserver(drawPoints).observe(plane);
    night.addEventListener("change", drawPoints);
  });
})();

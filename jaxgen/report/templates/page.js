"use strict";
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    } catch {
      // Some browsers keep the clipboard from pages on disk: select it instead.
      getSelection().selectAllChildren(code);
      button.textContent = "selected";
    }
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
}
const enlarged = document.getElementById("enlarged");
for (const picture of document.querySelectorAll("figure picture")) {
  picture.addEventListener("click", () => {
    enlarged.querySelector("picture, img")?.remove();
    const image = new Image();
    image.src = picture.querySelector("img").currentSrc;
    image.alt = picture.querySelector("img").alt;
    // A drawing has no size of its own that counts: it is shown in that of its dots.
    image.width = picture.querySelector("img").getAttribute("width");
    image.addEventListener("click", () => enlarged.close());
    enlarged.append(image);
    enlarged.showModal();
  });
}

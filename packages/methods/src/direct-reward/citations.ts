/** BibTeX of the methods that follow the reward's gradient. */
export const directRewardCitations = {
  draft: `@inproceedings{clark2024directly,
  title = {Directly Fine-Tuning Diffusion Models on Differentiable Rewards},
  author = {Clark, Kevin and Vicol, Paul and Swersky, Kevin and Fleet, David J.},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}`,
  alignProp: `@article{prabhudesai2023aligning,
  title = {Aligning Text-to-Image Diffusion Models with Reward Backpropagation},
  author = {Prabhudesai, Mihir and Goyal, Anirudh and Pathak, Deepak and Fragkiadaki, Katerina},
  journal = {arXiv preprint arXiv:2310.03739},
  year = {2023}
}`,
  refl: `@inproceedings{xu2023imagereward,
  title = {ImageReward: Learning and Evaluating Human Preferences for Text-to-Image Generation},
  author = {Xu, Jiazheng and Liu, Xiao and Wu, Yuchen and Tong, Yuxuan and Li, Qinkai and Ding, Ming and Tang, Jie and Dong, Yuxiao},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2023}
}`,
} as const;
